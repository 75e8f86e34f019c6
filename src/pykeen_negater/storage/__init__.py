"""Files that survive a crash: a cache by content, atomic files and folders, checksums."""
