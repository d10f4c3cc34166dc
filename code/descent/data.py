"""Find the book's data, check it, standardise it and serve it in batches."""

import hashlib
import operator
import os
from pathlib import Path

import numpy as np
import pooch
import torch

AIRFOIL_FILE = "airfoil_self_noise.dat"
AIRFOIL_SHA1 = "76e5be1548fd8222e5074cf0faae75edff8cf93f"
AIRFOIL_URL = f"https://d2l-data.s3-accelerate.amazonaws.com/{AIRFOIL_FILE}"
AIRFOIL_ROWS = 1503
AIRFOIL_COLUMNS = (
    "frequency (Hz)",
    "angle of attack (degrees)",
    "chord length (m)",
    "free-stream velocity (m/s)",
    "suction-side displacement thickness (m)",
    "scaled sound pressure level (dB)",
)


class DataError(ValueError):
    """A data file is missing, damaged or unreachable; says which, and what to do."""


def airfoil_path():
    """Return the path of the airfoil file, downloading it where there is none.

    Looked for, in this order: in the folder named by the environment variable
    DESCENT_DATA, beside the package (an installed package carries the file), in
    the repository's data/, and in the user's cache. Where none of them has it, it
    is downloaded from AIRFOIL_URL into DESCENT_DATA, or else into the cache. The
    download is checked against AIRFOIL_SHA1 before it is renamed into place.

    Returns: pathlib.Path of an existing file (its contents are not read here).
    Raises: DataError if DESCENT_DATA is not a folder, or the download fails.
    """
    chosen = os.environ.get("DESCENT_DATA")
    if chosen and Path(chosen).exists() and not Path(chosen).is_dir():
        raise DataError(
            f"DESCENT_DATA is {chosen!r}, which is a file; set it to the folder "
            f"that holds {AIRFOIL_FILE}, or unset it."
        )
    package = Path(__file__).parent
    cache = Path(pooch.os_cache("descent"))
    folders = [Path(chosen)] if chosen else []
    folders += [package, package.parents[1] / "data", cache]
    for folder in folders:
        if (folder / AIRFOIL_FILE).is_file():
            return folder / AIRFOIL_FILE
    return _download(Path(chosen) if chosen else cache)


def _download(folder):
    """Fetch the airfoil file into `folder`, checked, in one rename."""
    pooch.get_logger().setLevel("WARNING")
    print(f"Downloading {AIRFOIL_FILE} (60 kB) into {folder}")
    try:
        path = pooch.retrieve(
            AIRFOIL_URL,
            known_hash=f"sha1:{AIRFOIL_SHA1}",
            fname=AIRFOIL_FILE,
            path=folder,
            downloader=pooch.HTTPDownloader(timeout=30),
        )
    except Exception as error:
        raise DataError(
            f"{AIRFOIL_FILE} was not found and could not be downloaded from "
            f"{AIRFOIL_URL} into {folder} ({type(error).__name__}: {error}). "
            f"Nothing was stored there. Check the connection and try again, or put a "
            f"copy in a folder and set DESCENT_DATA to that folder."
        ) from error
    return Path(path)


def load_airfoil(path=None):
    """Return the NASA airfoil self-noise measurements as they are in the file.

    Args:
        path: the file to read; found by `airfoil_path` if None.
    Returns: float64 array of shape (1503, 6); columns and units are those of
        AIRFOIL_COLUMNS, the last one is the target.
    Raises: DataError naming the file, the row (counted from 1) and what to do.
    Source: Brooks, Pope and Marcolini (1989), NASA RP 1218, doi 10.24432/C5VW2C.
    """
    path = airfoil_path() if path is None else Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}); name an existing file, or "
            f"leave `path` out to let the book find or fetch its own copy."
        ) from error
    table = _parse(content, path)
    if hashlib.sha1(content).hexdigest() != AIRFOIL_SHA1:
        why = "some values differ from the published ones"
        if b"\r\n" not in content:
            why = "its line ends were changed from CRLF to LF"
        raise DataError(
            f"{path}: all {AIRFOIL_ROWS} rows are numbers, but the file's SHA-1 is "
            f"not {AIRFOIL_SHA1}: {why}. {_remedy(path)}"
        )
    return table


def _parse(content, path):
    """Turn the file's bytes into an array, or say in which row they go wrong."""
    lines = content.decode("ascii", errors="replace").splitlines()
    columns = len(AIRFOIL_COLUMNS)
    table = np.empty((len(lines), columns))
    for row, line in enumerate(lines, start=1):
        fields = line.split("\t")
        if len(fields) != columns:
            end = "; the file breaks off there" if row == len(lines) else ""
            raise DataError(
                f"{path}, row {row}: {len(fields)} column(s) where {columns} "
                f"tab-separated ones were expected{end}. {_remedy(path)}"
            )
        for column, (name, field) in enumerate(zip(AIRFOIL_COLUMNS, fields)):
            try:
                table[row - 1, column] = float(field)
            except ValueError:
                raise DataError(
                    f"{path}, row {row}: {name} is {field!r}, which is not a number. "
                    f"{_remedy(path)}"
                ) from None
    if len(lines) != AIRFOIL_ROWS:
        raise DataError(
            f"{path} has {len(lines)} rows where {AIRFOIL_ROWS} were expected; the "
            f"last one read is row {len(lines)}. {_remedy(path)}"
        )
    return table


def _remedy(path):
    return (
        f"Delete {path.name} and load the data again to fetch a fresh copy, or "
        f"restore it with `git checkout -- data/{AIRFOIL_FILE}` in a clone of the book."
    )


def standardise(table):
    """Shift and scale every column to mean 0 and variance 1.

    Args:
        table: array of shape (rows, columns).
    Returns: array of the same shape and dtype; no unit. The features keep their
        correlations: this is standardising, not whitening.
    Raises: ValueError naming the first column that is constant.
    """
    spread = table.std(axis=0)
    if not spread.all():
        column = int(np.flatnonzero(spread == 0)[0])
        raise ValueError(
            f"column {column} is constant ({table[0, column]}), so it cannot be "
            f"scaled to variance 1; leave it out."
        )
    return (table - table.mean(axis=0)) / spread


class Batches:
    """An iterable over minibatches of tensors that share their first dimension.

    Every pass is one epoch. With `shuffle`, a pass visits the examples in a fresh
    order drawn from torch's global generator, without replacement. The last batch
    is smaller when `batch_size` does not divide the number of examples. Whole
    tensors are shuffled once a pass and then cut, which for data that fit in
    memory is many times faster than collecting a batch example by example.

    Attributes: `tensors` (tuple, first dimension N), `batch_size`, `shuffle`.
    """

    def __init__(self, tensors, batch_size, shuffle):
        self.tensors = tuple(tensors)
        sizes = {len(tensor) for tensor in self.tensors}
        if len(sizes) != 1:
            raise ValueError(
                f"the arrays have {[len(t) for t in self.tensors]} examples; all of "
                f"them need the same number."
            )
        self.batch_size = whole_number("batch_size", batch_size, sizes.pop())
        self.shuffle = shuffle

    def __len__(self):
        return -(-len(self.tensors[0]) // self.batch_size)

    def __iter__(self):
        tensors = self.tensors
        if self.shuffle:
            order = torch.randperm(len(tensors[0]))
            tensors = [tensor[order] for tensor in tensors]
        return zip(*(tensor.split(self.batch_size) for tensor in tensors))


def whole_number(name, value, most=None):
    """Return `value` as an int between 1 and `most`, or raise a sentence.

    Args:
        name: what the value is called in the message.
        value: what the reader passed; bool and float are refused.
        most: the largest value allowed, or None for no limit.
    Raises: ValueError naming the value and what was expected.
    """
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = -1
    if number < 1 or (most is not None and number > most):
        limit = "1 or more" if most is None else f"1 to {most}"
        raise ValueError(f"{name} is {value!r}; expected a whole number, {limit}.")
    return number


def load_array(data_arrays, batch_size, is_train=True):
    """Return minibatches of `data_arrays`: see `Batches`.

    Args:
        data_arrays: tensors that share their first dimension, N examples.
        batch_size: examples a batch, 1 to N.
        is_train: shuffle before every pass if true.
    """
    return Batches(data_arrays, batch_size, shuffle=is_train)


def get_data_ch11(batch_size=10, n=1500):
    """Return minibatches of the airfoil data and the number of features.

    All 1503 rows are standardised, column by column; the first `n` are served.

    Args:
        batch_size: examples a batch, 1 to n.
        n: number of examples, 1 to 1503.
    Returns: (data_iter, feature_dim). Each batch is (X, y), float32, of shapes
        (batch_size, 5) and (batch_size,); feature_dim is 5.
    Raises: ValueError for sizes out of range, DataError for a bad data file.
    """
    n = whole_number("n", n, AIRFOIL_ROWS)
    table = torch.from_numpy(standardise(load_airfoil())[:n]).float()
    features, target = table[:, :-1], table[:, -1]
    return load_array((features, target), batch_size), features.shape[1]
