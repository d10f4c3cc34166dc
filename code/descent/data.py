"""Find the book's data, check it, standardise it and serve it in batches."""

import gzip
import hashlib
import math
import operator
import os
import warnings
import zlib
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

with warnings.catch_warnings():
    # pooch imports tqdm, which warns where a notebook has no ipywidgets.
    warnings.simplefilter("ignore")
    import pooch

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

IMAGE_DATASETS = ("digits", "fashion-mnist")  # the first is the default
DIGITS_TRAINING = 1500  # of 1797: the first are for training, the last for testing
FASHION_MNIST_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
FASHION_MNIST_FILES = {  # name: (dimensions of the array in it, MD5 of the file)
    "train-images-idx3-ubyte.gz": (3, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    "train-labels-idx1-ubyte.gz": (1, "25c81989df183df01b3e8a0aad5dffbe"),
    "t10k-images-idx3-ubyte.gz": (3, "bef4ecab320f06d8554ea6380940ec79"),
    "t10k-labels-idx1-ubyte.gz": (1, "bb300cfdad3c16e7a12a480ee83cd310"),
}


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
    chosen = _chosen_folder(AIRFOIL_FILE)
    package = Path(__file__).parent
    cache = Path(pooch.os_cache("descent"))
    folders = [chosen] if chosen else []
    folders += [package, package.parents[1] / "data", cache]
    for folder in folders:
        if (folder / AIRFOIL_FILE).is_file():
            return folder / AIRFOIL_FILE
    return _download(chosen or cache)


def _chosen_folder(name):
    """Return the folder that DESCENT_DATA names for the file `name`, or None."""
    chosen = os.environ.get("DESCENT_DATA")
    if not chosen:
        return None
    if Path(chosen).exists() and not Path(chosen).is_dir():
        raise DataError(
            f"DESCENT_DATA is {chosen!r}, which is a file; set it to the folder "
            f"that holds {name}, or unset it."
        )
    return Path(chosen)


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
    is smaller when `batch_size` does not divide the number of examples. Blocks of
    many examples are gathered at once and then cut, which for data that fit in
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
        if not self.shuffle:
            return self._cut(self.tensors)
        return self._shuffled(torch.randperm(len(self.tensors[0])))

    def _shuffled(self, order):
        """Yield the batches in an order, gathering a thousand examples at a time."""
        block = max(1, 1024 // self.batch_size) * self.batch_size
        for rows in order.split(block):
            yield from self._cut(
                [t.index_select(0, rows.to(t.device)) for t in self.tensors]
            )

    def _cut(self, tensors):
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


def load_images(dataset="digits"):
    """Return a dataset of labelled images as whole tensors.

    Args:
        dataset: "digits", scikit-learn's 1797 handwritten digits of 8×8 pixels, which
            need no network: the first 1500 are for training, the last 297 for testing;
            or "fashion-mnist", 60 000 + 10 000 pictures of clothes of 28×28 pixels,
            downloaded (30 MB) where `fashion_mnist_path` does not find them.
    Returns: ((images, labels), (images, labels)), for training and for testing.
        images is float32 of shape (N, height, width), from 0 (background) to 1;
        labels is int64 of shape (N,), from 0 to 9.
    Raises: ValueError for another name; DataError if Fashion-MNIST is damaged or
        cannot be downloaded (nothing else is loaded in its place).
    Source: Alpaydin and Kaynak (1998), doi 10.24432/C50P49; Xiao, Rasul and Vollgraf
        (2017), arXiv 1708.07747.
    """
    if dataset not in IMAGE_DATASETS:
        raise ValueError(
            f"dataset is {dataset!r}; expected one of {', '.join(IMAGE_DATASETS)}."
        )
    return _load_digits() if dataset == "digits" else _load_fashion_mnist()


def _load_digits():
    from sklearn.datasets import load_digits  # half a second, which others need not pay

    digits = load_digits()
    images = torch.tensor(digits.images / 16, dtype=torch.float32)
    labels = torch.tensor(digits.target, dtype=torch.int64)
    n = DIGITS_TRAINING
    return (images[:n], labels[:n]), (images[n:], labels[n:])


def _load_fashion_mnist():
    paths = [fashion_mnist_path(name) for name in FASHION_MNIST_FILES]
    arrays = [_read_idx(path) for path in paths]
    pairs = []
    for path, images, labels in zip(paths[::2], arrays[::2], arrays[1::2]):
        if len(images) != len(labels) or labels.max(initial=0) > 9:
            raise DataError(
                f"{path} has {len(images)} images, and the file beside it has "
                f"{len(labels)} labels up to {labels.max(initial=0)}; expected a label "
                f"from 0 to 9 for each image; delete both to download them anew."
            )
        scaled = torch.tensor(images).float().div_(255)
        pairs.append((scaled, torch.tensor(labels, dtype=torch.int64)))
    return tuple(pairs)


def fashion_mnist_path(name):
    """Return the path of one of Fashion-MNIST's files, downloading it if need be.

    Looked for in the folder that the environment variable DESCENT_DATA names, in its
    subfolder fashion-mnist, and in fashion-mnist in the user's cache. Where none of
    them has it, it is downloaded from FASHION_MNIST_URL into the subfolder, or else
    into the cache, with a progress bar on stderr, and checked before it is renamed
    into place: several processes may do so at the same time.

    Args:
        name: a key of FASHION_MNIST_FILES.
    Returns: pathlib.Path of an existing file (its contents are not read here).
    Raises: DataError if DESCENT_DATA is not a folder, or the download fails.
    """
    cache = Path(pooch.os_cache("descent")) / "fashion-mnist"
    folders = [cache]
    chosen = _chosen_folder(name)
    if chosen:
        folders = [chosen / "fashion-mnist", chosen, cache]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    return _download_fashion_mnist(name, folders[0])


def _download_fashion_mnist(name, folder):
    """Fetch one file into `folder`, checked, in one rename."""
    pooch.get_logger().setLevel("WARNING")
    url = FASHION_MNIST_URL + name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # pooch sets the true total; a bar whose total is 0 is False, and ignored
        with tqdm(desc=name, total=1, unit="B", unit_scale=True) as bar:
            path = pooch.retrieve(
                url,
                known_hash=f"md5:{FASHION_MNIST_FILES[name][1]}",
                fname=name,
                path=folder,
                downloader=pooch.HTTPDownloader(bar, chunk_size=2**16, timeout=30),
            )
    except Exception as error:
        raise DataError(
            f"Fashion-MNIST's {name} was not found and could not be downloaded from "
            f"{url} into {folder} ({_reason(error)}); connect to the network and try "
            f"again, or put the four files in a folder and set DESCENT_DATA to it, or "
            f"use the default dataset, 'digits', which needs no network."
        ) from error
    return Path(path)


def _reason(error):
    """Say in a few words why a download failed."""
    if "known hash" in str(error):
        return "what came has another MD5 than the published file"
    if getattr(error, "response", None) is not None:
        return f"the server answered {error.response.status_code}"
    return getattr(error, "strerror", None) or type(error).__name__


def _read_idx(path):
    """Return the array of bytes in one of Fashion-MNIST's gzip IDX files.

    The format: two zero bytes, the type (8: unsigned bytes), the number of
    dimensions, each dimension in four bytes, most significant first, then the values.
    """
    dimensions, published = FASHION_MNIST_FILES[path.name]
    remedy = "delete it and load the data again to download it anew."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}); make it readable, or {remedy}"
        ) from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != published:
        raise DataError(
            f"{path} has the MD5 {found}, and the published file {published}; {remedy}"
        )
    try:
        content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be unpacked ({error}); {remedy}") from error
    magic = int.from_bytes(content[:4], "big")
    if magic != 0x800 + dimensions:
        raise DataError(
            f"{path} begins with the number {magic:#010x}; expected "
            f"{0x800 + dimensions:#010x}, which marks an IDX file of bytes with "
            f"{dimensions} dimension(s); {remedy}"
        )
    header, values = content[4 : 4 + 4 * dimensions], content[4 + 4 * dimensions :]
    shape = [int.from_bytes(header[i : i + 4], "big") for i in range(0, len(header), 4)]
    if len(shape) != dimensions or math.prod(shape) != len(values):
        raise DataError(
            f"{path} announces {' × '.join(map(str, shape))} values and has "
            f"{len(values)}; {remedy}"
        )
    return np.frombuffer(values, np.uint8).reshape(shape)
