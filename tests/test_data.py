"""The airfoil file: found anywhere, checked, and refused in words when damaged."""

import functools
import http.server
import subprocess
import sys
import threading
import zipfile

import notebooks
import numpy as np
import pytest
import torch

from descent import data

ORIGINAL = (notebooks.ROOT / "data" / data.AIRFOIL_FILE).read_bytes()


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No copy of the file in the package, the repository or the cache."""
    monkeypatch.setattr(data, "__file__", str(tmp_path / "code" / "descent" / "d.py"))
    monkeypatch.setattr(data.pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.delenv("DESCENT_DATA", raising=False)
    return tmp_path


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder served on localhost, from which the file is downloaded."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/{data.AIRFOIL_FILE}"
    monkeypatch.setattr(data, "AIRFOIL_URL", address)
    yield folder
    server.shutdown()
    server.server_close()


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_table_is_the_published_one():
    table = data.load_airfoil()
    assert table.shape == (data.AIRFOIL_ROWS, len(data.AIRFOIL_COLUMNS))
    assert table.dtype == np.float64
    assert table[0].tolist() == [800, 0, 0.3048, 71.3, 0.00266337, 126.201]


def test_found_in_descent_data_first(tmp_path, monkeypatch):
    (tmp_path / data.AIRFOIL_FILE).write_bytes(ORIGINAL)
    monkeypatch.setenv("DESCENT_DATA", str(tmp_path))
    assert data.airfoil_path() == tmp_path / data.AIRFOIL_FILE


def test_found_elsewhere_when_descent_data_lacks_it(tmp_path, monkeypatch):
    monkeypatch.setenv("DESCENT_DATA", str(tmp_path))
    assert data.airfoil_path().is_file()
    assert not files_below(tmp_path)


def test_descent_data_must_be_a_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DESCENT_DATA", str(tmp_path / "file"))
    with pytest.raises(data.DataError, match="which is a file; set it to the folder"):
        data.airfoil_path()


def test_found_from_any_working_directory(tmp_path):
    program = "import descent; print(descent.load_airfoil().shape)"
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.stdout == "(1503, 6)\n", result.stderr


def test_wheel_carries_the_file(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(build, cwd=notebooks.ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    program = "from descent import data; print(data.__file__, data.airfoil_path())"
    # -S leaves out site-packages' editable install; torch and others are named anew
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, '.'); {program}"]
    folder = tmp_path / "installed"
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    module, found = result.stdout.split()
    assert module == str(folder / "descent" / "data.py"), result.stderr
    assert found == str(folder / "descent" / data.AIRFOIL_FILE)


def test_missing_file_is_downloaded_once(nowhere, site, monkeypatch, capsys):
    (site / data.AIRFOIL_FILE).write_bytes(ORIGINAL)
    target = nowhere / "mine"
    monkeypatch.setenv("DESCENT_DATA", str(target))
    assert data.load_airfoil().shape == (1503, 6)
    assert files_below(target) == [target / data.AIRFOIL_FILE]
    assert "Downloading" in capsys.readouterr().out
    (site / data.AIRFOIL_FILE).unlink()  # the second time it is there
    assert data.load_airfoil().shape == (1503, 6)
    assert capsys.readouterr().out == ""


def test_download_goes_to_the_cache_otherwise(nowhere, site):
    (site / data.AIRFOIL_FILE).write_bytes(ORIGINAL)
    assert data.airfoil_path() == nowhere / "cache" / "descent" / data.AIRFOIL_FILE


@pytest.mark.parametrize("content", [ORIGINAL[:30_000], b"<html>no</html>", None])
def test_bad_download_leaves_nothing(nowhere, site, content):
    if content is not None:
        (site / data.AIRFOIL_FILE).write_bytes(content)
    with pytest.raises(data.DataError) as error:
        data.load_airfoil()
    message = str(error.value)
    assert data.AIRFOIL_URL in message and "set DESCENT_DATA" in message
    assert not files_below(nowhere / "cache")


def test_no_network_is_a_sentence(nowhere, monkeypatch):
    monkeypatch.setattr(data, "AIRFOIL_URL", "http://127.0.0.1:9/nothing")
    with pytest.raises(data.DataError, match="Check the connection and try again"):
        data.load_airfoil()


def without_row_end(content):
    return content[: content.index(b"\n", 40_000) - 12]


def with_field(row, column, value):
    lines = ORIGINAL.split(b"\r\n")
    fields = lines[row - 1].split(b"\t")
    fields[column] = value
    lines[row - 1] = b"\t".join(fields)
    return b"\r\n".join(lines)


DAMAGE = {
    "truncated in a row": (without_row_end(ORIGINAL), "row 10.., *|row 10"),
    "truncated between rows": (
        b"\r\n".join(ORIGINAL.split(b"\r\n")[:700]) + b"\r\n",
        "has 700 rows where 1503 were expected; the last one read is row 700",
    ),
    "not numeric": (
        with_field(12, 2, b"wide"),
        r"row 12: chord length \(m\) is 'wide', which is not a number",
    ),
    "not ascii": (with_field(3, 0, b"\xff\xfe"), "row 3: frequency"),
    "too few columns": (
        ORIGINAL.replace(b"\t0\t", b" ", 1),
        r"row 1: 5 column\(s\) where 6|row 1: 4 column\(s\) where 6",
    ),
    "another value": (with_field(40, 5, b"0.0"), "some values differ"),
    "line ends changed": (ORIGINAL.replace(b"\r\n", b"\n"), "from CRLF to LF"),
    "empty": (b"", "has 0 rows where 1503"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(name, tmp_path):
    content, expected = DAMAGE[name]
    path = tmp_path / data.AIRFOIL_FILE
    path.write_bytes(content)
    with pytest.raises(data.DataError, match=expected) as error:
        data.load_airfoil(path)
    assert str(path) in str(error.value) and "git checkout" in str(error.value)
    assert path.read_bytes() == content


def test_missing_path_is_named(tmp_path):
    with pytest.raises(data.DataError, match="nowhere.dat cannot be read"):
        data.load_airfoil(tmp_path / "nowhere.dat")


def test_standardise():
    table = data.standardise(data.load_airfoil())
    assert np.allclose(table.mean(axis=0), 0, atol=1e-12)
    assert np.allclose(table.var(axis=0), 1)
    with pytest.raises(ValueError, match=r"column 1 is constant \(4.0\)"):
        data.standardise(np.array([[1.0, 4.0], [2.0, 4.0]]))


def test_get_data_ch11():
    data_iter, feature_dim = data.get_data_ch11(batch_size=100)
    X, y = next(iter(data_iter))
    assert feature_dim == 5 and len(data_iter) == 15
    assert X.shape == (100, 5) and y.shape == (100,)
    assert X.dtype == y.dtype == torch.float32


@pytest.mark.parametrize("batch_size", [0, -1, 1501, 2.5, "10", None, True])
def test_bad_batch_size(batch_size):
    expected = rf"batch_size is {batch_size!r}; expected a whole number, 1 to 1500"
    with pytest.raises(ValueError, match=expected):
        data.get_data_ch11(batch_size)


@pytest.mark.parametrize("n", [0, 1504, 10.0])
def test_bad_n(n):
    with pytest.raises(ValueError, match=f"n is {n}; expected a whole number"):
        data.get_data_ch11(1, n)


@pytest.mark.parametrize("size, batch_size", [(12, 4), (13, 4), (5, 5), (5, 1), (7, 6)])
def test_a_pass_serves_every_example_once(size, batch_size):
    tensors = torch.arange(size), torch.arange(size) * 10
    batches = data.load_array(tensors, batch_size)
    torch.manual_seed(0)
    passes = [list(batches) for _ in range(2)]
    for served in passes:
        assert len(served) == len(batches)
        assert [len(x) for x, _ in served[:-1]] == [batch_size] * (len(served) - 1)
        first = torch.cat([x for x, _ in served])
        second = torch.cat([y for _, y in served])
        assert sorted(first.tolist()) == list(range(size))
        assert second.tolist() == (first * 10).tolist()
    if size > 6:
        one, two = (torch.cat([x for x, _ in served]) for served in passes)
        assert one.tolist() != two.tolist(), "every pass has an order of its own"


def test_batches_in_order_without_training():
    batches = data.load_array((torch.arange(5),), 2, is_train=False)
    assert [x.tolist() for (x,) in batches] == [[0, 1], [2, 3], [4]]


def test_arrays_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"\[3, 2\] examples"):
        data.load_array((torch.zeros(3), torch.zeros(2)), 1)
