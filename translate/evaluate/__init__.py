"""`translate evaluate`: scores of a trained model, or of anybody's outputs, with intervals, a floor and a ceiling."""
