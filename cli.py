"""`python cli.py train …`: the same as the `translate` command, and what torchrun is given. Not part of the wheel."""

from translate.cli import main

if __name__ == "__main__":
    main()
