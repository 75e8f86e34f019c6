"""Links to the pages of the documentation that explain reports."""

import importlib.metadata

__all__ = [
    "PAGES",
    "documentation_url",
]

#: The pages that reports link to, by file in the folder of the documentation
PAGES = {
    "report": "how to read this page",
    "how_it_works": "how negatives are mined, guarded and drawn",
    "settings": "choosing settings",
    "faq": "questions",
    "glossary": "glossary",
}


def documentation_url(page: str) -> str | None:
    """Find the address of a page of the documentation.

    It points to the default branch of the repository that the package's metadata name as source.

    :param page: one of :data:`PAGES`
    :return: the address; None if the metadata name no repository
    """
    named = importlib.metadata.metadata("pykeen-negater").get_all("Project-URL") or []
    sources = (url for label, url in (entry.split(", ", 1) for entry in named) if label == "Source")
    source = next(sources, None)
    return None if source is None else f"{source}/blob/HEAD/docs/{page}.md"
