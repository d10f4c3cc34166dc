"""The image data: whole tensors, and a download that is right or refused in words.

Fashion-MNIST itself is never fetched here: the tests write small files of its format
and serve them on localhost.
"""

import functools
import gzip
import hashlib
import http.server
import re
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch

from descent import data

NAMES = list(data.FASHION_MNIST_FILES)


def idx(array, magic=None):
    """Return an array of bytes as a gzip IDX file."""
    magic = 0x800 + array.ndim if magic is None else magic
    header = b"".join(n.to_bytes(4, "big") for n in (magic, *array.shape))
    return gzip.compress(header + array.astype(np.uint8).tobytes(), mtime=0)


def make_files():
    """Return the four files with 60 and 20 images, as dict from name to bytes."""
    random = np.random.default_rng(0)
    arrays = []
    for size in (60, 20):
        arrays.append(random.integers(0, 256, (size, 28, 28)))
        arrays.append(np.arange(size) % 10)
    return dict(zip(NAMES, map(idx, arrays)))


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; may be slow, and may hang up in the middle of a file."""

    requests, slow, hang_up = [], 0.0, False

    def do_GET(self):
        self.requests.append(self.path)
        time.sleep(self.slow)
        if not self.hang_up:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(bytes(5000))
        self.close_connection = True

    def log_message(self, *arguments):
        pass


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A server on localhost with the four files, and an empty place to put them."""
    folder, target = tmp_path / "site", tmp_path / "target"
    folder.mkdir()
    handler = type("Fresh", (Handler,), {"requests": []})
    serve = functools.partial(handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr(data, "FASHION_MNIST_URL", address)
    monkeypatch.setattr(data.pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setenv("DESCENT_DATA", str(target))
    handler.folder, handler.target = folder, target / "fashion-mnist"
    publish(make_files(), handler, monkeypatch)
    yield handler
    server.shutdown()
    server.server_close()


def publish(files, site, monkeypatch):
    """Put files on the server, and their checksums in force."""
    known = {}
    for name, content in files.items():
        (site.folder / name).write_bytes(content)
        dimensions = 3 if "images" in name else 1
        known[name] = (dimensions, hashlib.md5(content).hexdigest())
    monkeypatch.setattr(data, "FASHION_MNIST_FILES", known)


def files_below(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_published_files_are_named_with_their_sums():
    assert data.FASHION_MNIST_FILES == {
        "train-images-idx3-ubyte.gz": (3, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        "train-labels-idx1-ubyte.gz": (1, "25c81989df183df01b3e8a0aad5dffbe"),
        "t10k-images-idx3-ubyte.gz": (3, "bef4ecab320f06d8554ea6380940ec79"),
        "t10k-labels-idx1-ubyte.gz": (1, "bb300cfdad3c16e7a12a480ee83cd310"),
    }


def test_digits_are_the_default_and_need_no_network(monkeypatch):
    monkeypatch.setattr(data, "FASHION_MNIST_URL", "http://127.0.0.1:9/")
    train, test = data.load_images()
    for (images, labels), size in ((train, 1500), (test, 297)):
        assert images.shape == (size, 8, 8) and images.dtype == torch.float32
        assert labels.shape == (size,) and labels.dtype == torch.int64
        assert images.min() == 0 and images.max() == 1
        assert set(labels.tolist()) == set(range(10))


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="'mnist'; expected one of digits, fashion-"):
        data.load_images("mnist")


def test_fashion_mnist_is_downloaded_once_and_read(site, capfd):
    train, test = data.load_images("fashion-mnist")
    for (images, labels), size in ((train, 60), (test, 20)):
        assert images.shape == (size, 28, 28) and images.dtype == torch.float32
        assert labels.tolist() == [i % 10 for i in range(size)]
    expected = np.random.default_rng(0).integers(0, 256, (60, 28, 28))
    assert torch.equal(train[0], torch.tensor(expected, dtype=torch.float32) / 255)
    assert [path.name for path in files_below(site.target)] == sorted(NAMES)
    out, err = capfd.readouterr()
    assert out == "" and all(name in err and "100%" in err for name in NAMES)
    again, _ = data.load_images("fashion-mnist")
    assert torch.equal(again[0], train[0])
    assert len(site.requests) == 4 and capfd.readouterr() == ("", "")


@pytest.mark.parametrize("place", ["target", "target/fashion-mnist", "cache"])
def test_files_are_found_without_a_server(site, tmp_path, monkeypatch, place):
    monkeypatch.setattr(data, "FASHION_MNIST_URL", "http://127.0.0.1:9/")
    folder = tmp_path / place
    if place == "cache":
        folder = folder / "descent" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name, content in make_files().items():
        (folder / name).write_bytes(content)
    train, _ = data.load_images("fashion-mnist")
    assert len(train[0]) == 60 and not site.requests


def test_without_descent_data_the_cache_is_used(site, tmp_path, monkeypatch):
    monkeypatch.delenv("DESCENT_DATA")
    data.load_images("fashion-mnist")
    assert len(files_below(tmp_path / "cache" / "descent" / "fashion-mnist")) == 4


def test_descent_data_must_be_a_folder(site, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DESCENT_DATA", str(tmp_path / "file"))
    with pytest.raises(data.DataError, match="which is a file; set it to the folder"):
        data.load_images("fashion-mnist")


def refused(site):
    """Load, expecting a refusal; return its text."""
    with pytest.raises(data.DataError) as error:
        data.load_images("fashion-mnist")
    message = str(error.value)
    assert not re.search(r"\.\s", message), "one sentence"
    assert not list(site.target.glob("*.new")) and not list(site.target.glob("tmp*"))
    return message


def test_no_network_is_one_sentence_that_names_the_default(site, monkeypatch):
    monkeypatch.setattr(data, "FASHION_MNIST_URL", "http://127.0.0.1:9/")
    message = refused(site)
    assert NAMES[0] in message and "http://127.0.0.1:9/" in message
    assert "(ConnectionError)" in message
    assert "connect to the network" in message and "set DESCENT_DATA" in message
    assert "the default dataset, 'digits', which needs no network" in message
    assert not files_below(site.target)


def test_server_gone_midway_leaves_nothing(site):
    site.hang_up = True
    assert "could not be downloaded" in refused(site)
    assert not files_below(site.target)


def test_server_gone_between_files_keeps_the_whole_ones(site):
    (site.folder / NAMES[2]).unlink()
    assert "the server answered 404" in refused(site)
    assert [path.name for path in files_below(site.target)] == sorted(NAMES[:2])


def test_wrong_checksum_of_a_download_leaves_nothing(site):
    content = (site.folder / NAMES[0]).read_bytes()
    (site.folder / NAMES[0]).write_bytes(content[:-9] + bytes(9))
    assert "what came has another MD5" in refused(site)
    assert not files_below(site.target)


def test_wrong_checksum_of_a_found_file_is_named(site):
    site.target.mkdir(parents=True)
    path = site.target / NAMES[1]
    path.write_bytes(b"something else")
    message = refused(site)
    assert message.startswith(str(path)) and "delete it and load" in message
    assert hashlib.md5(b"something else").hexdigest() in message
    assert path.read_bytes() == b"something else"
    path.unlink()
    data.load_images("fashion-mnist")


LABELS = np.arange(60) % 10
DAMAGE = {  # file and its contents, published with the right checksum
    "truncated": (NAMES[1], idx(LABELS)[:-12], "cannot be unpacked"),
    "no gzip": (NAMES[1], b"<html>sorry</html>", "cannot be unpacked"),
    "wrong magic number": (
        NAMES[1], idx(LABELS, magic=0x803), "begins with the number 0x00000803; "
        "expected 0x00000801",
    ),
    "other type": (NAMES[0], idx(np.zeros((60, 28, 28)), 0xD03), "0x00000d03"),
    "empty": (NAMES[1], gzip.compress(b""), "begins with the number"),
    "cut in the header": (
        NAMES[0], gzip.compress(bytes.fromhex("00000803 0000003c 0000")), "announces",
    ),
    "too few values": (
        NAMES[1], gzip.compress(gzip.decompress(idx(LABELS))[:-3]),
        "announces 60 values and has 57",
    ),
    "fewer labels than images": (NAMES[1], idx(LABELS[:50]), "60 images, and the file"),
    "no label": (NAMES[1], idx(LABELS + 1), "50|labels up to 10"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(name, site, monkeypatch):
    file, content, expected = DAMAGE[name]
    publish(make_files() | {file: content}, site, monkeypatch)
    message = refused(site)
    assert re.search(expected, message), message
    assert str(site.target) in message and "delete" in message


PROGRAM = """
import sys
from descent import data
data.FASHION_MNIST_URL, data.FASHION_MNIST_FILES = eval(sys.argv[1])
(images, labels), _ = data.load_images("fashion-mnist")
print(images.double().sum().item(), labels.sum().item())
"""


def test_two_processes_at_once(site):
    site.slow = 1.0  # so that both ask before the first has stored anything
    known = repr((data.FASHION_MNIST_URL, data.FASHION_MNIST_FILES))
    command = [sys.executable, "-c", PROGRAM, known]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, **pipes) for _ in range(2)]
    answers = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0] != ""
    assert [path.name for path in files_below(site.target)] == sorted(NAMES)
    assert len(site.requests) > 4, "the two were not at work at the same time"
