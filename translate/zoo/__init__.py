"""`translate zoo`: the generators that come along."""
