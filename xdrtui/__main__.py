"""`python -m xdrtui`: the command line without the screen."""

from xdrtui.commands import main

if __name__ == "__main__":
    main()
