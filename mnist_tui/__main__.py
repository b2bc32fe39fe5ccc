"""`python -m mnist_tui` is `mnist-tui`."""

from mnist_tui.cli import main

if __name__ == "__main__":
    main()
