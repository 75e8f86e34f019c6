"""Tests for texts from Wikidata, with its service played by a local server."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import pystow
import pytest
from pykeen.nn.text import WikidataTextCache
from pykeen.triples import TriplesFactory

from pykeen_negater.texts.loading import load_texts
from pykeen_negater.texts.wikidata import wikidata_id, wikidata_texts
from pykeen_negater.triples.graphs import Graph

TEXTS = {"Q42": ("Douglas Adams", "English author"), "Q5": ("human", ""), "P31": ("instance of", "class of an item")}


class Service(BaseHTTPRequestHandler):
    """Answers queries as Wikidata does."""

    asked: list[list[str]] = []

    def do_GET(self) -> None:
        """Answer with the labels and descriptions of the ids that are asked for."""
        (query,) = parse_qs(urlparse(self.path).query)["query"]
        ids = re.findall(r"wd:(\w+)", query)
        self.asked.append(ids)
        bindings = [
            {
                "item": {"value": f"http://www.wikidata.org/entity/{one}"},
                "itemLabel": {"value": TEXTS[one][0]},
                **({"itemDescription": {"value": TEXTS[one][1]}} if TEXTS[one][1] else {}),
            }
            for one in ids
        ]
        content = json.dumps({"results": {"bindings": bindings}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep texts in a folder of the test's own."""
    monkeypatch.setattr("pykeen.nn.text.cache.PYKEEN_MODULE", pystow.Module(tmp_path))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """Start the server, and list what it is asked for."""
    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(WikidataTextCache, "WIKIDATA_ENDPOINT", f"http://127.0.0.1:{server.server_port}/sparql")
    monkeypatch.setattr(Service, "asked", [])
    yield Service.asked
    server.shutdown()
    server.server_close()


def test_texts_are_fetched_once(service: list[list[str]]):
    texts = wikidata_texts(["Q42", "P31", "other"])
    assert texts == {"Q42": "Douglas Adams: English author", "P31": "instance of: class of an item"}
    asked = len(service)
    assert wikidata_texts(["Q42", "P31"]) == texts
    assert len(service) == asked
    assert wikidata_texts(["Q5"]) == {"Q5": "human"}
    assert wikidata_texts(["other"]) == {}


def test_as_a_source(service: list[list[str]]):
    factory = TriplesFactory.from_labeled_triples(np.array([["Q42", "P31", "Q5"]]))
    texts = load_texts(Graph.from_factory(factory), entity_text="wikidata", relation_text="wikidata")
    assert texts is not None
    ids = factory.entity_to_id
    assert (texts.entities[ids["Q42"]], texts.entities[ids["Q5"]]) == ("Douglas Adams: English author", "human")
    assert texts.relations == ("instance of: class of an item",)


def test_ids_in_namespaces_and_uris(service: list[list[str]]):
    labels = ["wd:Q42", "<http://www.wikidata.org/entity/Q42>", "https://www.wikidata.org/wiki/Property:P31", "dog:Q5"]
    assert wikidata_texts(labels) == dict(
        zip(labels, ["Douglas Adams: English author"] * 2 + ["instance of: class of an item"], strict=False)
    )
    assert sorted(one for ids in service for one in ids) == ["P31", "Q42"]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Q42", "Q42"),
        ("P31", "P31"),
        ("wdt:P31", "P31"),
        ("http://www.wikidata.org/prop/direct/P31", "P31"),
        ("http://www.wikidata.org/entity/Q42", "Q42"),
        ("https://m.wikidata.org/wiki/Q42", "Q42"),
        ("<http://www.wikidata.org/entity/Q42>", "Q42"),
        ("Q42x", None),
        ("mesh:Q42", None),
        ("http://example.org/Q42", None),
        ("http://example.org/www.wikidata.org/entity/Q42", None),
        ("Q-tip", None),
    ],
)
def test_ids(label: str, expected: str | None):
    assert wikidata_id(label) == expected


def test_without_a_network(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(WikidataTextCache, "WIKIDATA_ENDPOINT", "http://127.0.0.1:9/sparql")
    with pytest.raises(ConnectionError, match=r"found no answer from Wikidata \(.*\), expected the texts of 1 ids"):
        wikidata_texts(["Q42"])
