"""A folder of its own for each invocation: /tmp outlives the invocation and is limited."""

import os
import shutil
import zipfile


def folder_size(folder):
    total = 0
    for parent, _, names in os.walk(folder):
        total += sum(os.path.getsize(os.path.join(parent, name)) for name in names)
    return total


class Workspace:
    def __init__(self, root, name):
        self.path = os.path.join(root, f"archive-{name}")

    def __enter__(self):
        self.downloads = os.path.join(self.path, "downloads")
        os.makedirs(self.downloads, exist_ok=True)
        return self

    def __exit__(self, *failure):
        shutil.rmtree(self.path, ignore_errors=True)
        return False

    def store(self, name):
        """An archive without compression."""
        with zipfile.ZipFile(os.path.join(self.path, name), "w", zipfile.ZIP_STORED) as archive:
            self._add_all(archive)
        return archive.filename

    def compress(self, name, level):
        path = os.path.join(self.path, name)
        archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level)
        try:
            self._add_all(archive)
        finally:
            archive.close()
        return path

    def _add_all(self, archive):
        for parent, folders, names in os.walk(self.downloads):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(parent, name)
                archive.write(path, os.path.relpath(path, self.downloads))
