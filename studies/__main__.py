"""The searches and scans that there are: `python -m studies` lists them, a line each."""

from pathlib import Path

from experiments.__main__ import main
from vfe_lightning.exits import told

if __name__ == "__main__":
    with told():
        main(Path(__file__).parent)
