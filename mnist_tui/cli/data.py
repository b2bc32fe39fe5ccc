"""`mnist-tui data`: look at a data set before training, and write it in the layout of Kaggle's Digit Recognizer."""

import click

from mnist_tui.cli.output import show_progress
from mnist_tui.cli.wiring import check_data, load_data, look_at_data


@click.command()
@click.argument("spec")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--kaggle", "folder", metavar="DIR", help="Write it to DIR as train.csv, test.csv and solution.csv.")
def data(spec: str, as_json: bool, folder: str | None) -> int:
    """Look at a data set before training.

    Problems come first, each with its fix: test images that are also training images, other duplicates, labels that
    contradict each other, classes that are missing or rare, blank images. Counts, mean images and examples follow.
    SPEC is what `train --data` takes.

    With --kaggle, shuffle the images, the same way every time, and write 60 % of them as train.csv, the others as
    test.csv, and their labels as solution.csv: of MNIST, 42,000 and 28,000.
    """
    checked = check_data(spec)
    if folder is not None:
        from mnist_tui.cli.kaggle import write_kaggle

        for line in write_kaggle(load_data(checked), folder):
            click.echo(line)
        return 0
    from mnist_tui.cli import listing, listing_data

    report = look_at_data(checked, lambda message: show_progress(f"{message} …"))
    show_progress("")
    if as_json:
        listing.print_json(listing_data.data_document(checked, report))
    else:
        listing_data.print_data(checked, report)
    return 0
