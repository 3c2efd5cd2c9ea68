"""Handlers of a bench and the events that each is measured with, as its `events.py` registers them."""


class Registry:
    """Points by handler: `events[name]` is a list of (label, size, function from the size to the event), smallest first.

    `files` has those that are not `handlers/NAME.py`: their file from the root of the repository, and their function.
    """

    def __init__(self):
        self.events = {}
        self.files = {}

    def register(self, name, sizes, labels=None, file=None):
        """Registers a function from a size to an event; the label of a point is the size, unless `labels` gives others."""

        def decorate(make):
            self.events[name] = [(str(label), size, make) for label, size in zip(labels or sizes, sizes)]
            if file:
                self.files[name] = file
            return make

        return decorate

    def parameter(self, name, key, sizes, **others):
        """A handler whose event is one number, beside what is the same for all."""
        self.register(name, sizes)(lambda size: {key: size, **others})

    def points(self, name):
        """The labels and events of one handler. ImportError where making them needs a library that is not there."""
        return [(label, make(size)) for label, size, make in self.events[name]]
