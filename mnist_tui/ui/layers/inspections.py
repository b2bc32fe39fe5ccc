"""Replies of one run's engine about its layers, asked for one at a time, the most wanted first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mnist_tui.control.protocol import Excitations, Excite, Inspect, Inspection, Reply
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.ui.run.model_client import ModelClient

KEPT_BYTES = 200_000_000
"""Tensors that are kept: 20 epochs of a layer with 4 MB of weights, twice."""
LayerRequest = Inspect | Excite
Outcome = Inspection | Excitations | str


@dataclass(frozen=True)
class Ask:
    """A request, and the state of the weights that it is about: the same request later may have another reply."""

    request: LayerRequest
    state: float = 0.0


class Inspections:
    """Replies by request. `on_change` is called in a thread when one came."""

    def __init__(self, run: RunDirectory, on_change: Callable[[], object]) -> None:
        self._client: ModelClient[LayerRequest] = ModelClient(run, self._take)
        self._on_change = on_change
        self._lock = threading.Lock()
        self._known: OrderedDict[Ask, Outcome] = OrderedDict()
        self._newest: dict[LayerRequest, Ask] = {}
        """The last state of each request that has a reply."""
        self._wanted: list[Ask] = []
        self._asked: Ask | None = None

    @property
    def is_idle(self) -> bool:
        """True if everything wanted is known, and `on_change` has been called for it."""
        return not self._client.is_busy

    def close(self) -> None:
        """Ask nothing more."""
        self._client.close()

    def get(self, ask: Ask, *, stale: bool = True) -> Outcome | None:
        """Return the reply, with `stale` else that about an earlier state of the weights; None if there is none."""
        with self._lock:
            if ask not in self._known and stale:
                ask = self._newest.get(ask.request, ask)
            found = self._known.get(ask)
            if found is not None:
                self._known.move_to_end(ask)
            return found

    def want(self, asks: Sequence[Ask]) -> None:
        """Ask for these, the first one first; what was wanted before and is not among them is not asked for."""
        with self._lock:
            wanted = dict.fromkeys(asks)
            self._wanted = [each for each in wanted if not self._is_complete(each) and each != self._asked]
            following = self._next() if self._asked is None else None
        if following is not None:
            self._client.request(following)

    def forget_errors(self) -> None:
        """Ask again for what had an error for a reply."""
        with self._lock:
            for ask in [ask for ask, outcome in self._known.items() if isinstance(outcome, str)]:
                del self._known[ask]

    def _is_complete(self, ask: Ask) -> bool:
        """Return False for a request without a reply, and for a search that goes on when it is asked for again."""
        found = self._known.get(ask)
        return found is not None and not (isinstance(found, Excitations) and found.progress < 1)

    def _next(self) -> LayerRequest | None:
        self._asked = self._wanted.pop(0) if self._wanted else None
        return self._asked.request if self._asked is not None else None

    def _take(self, request: LayerRequest, reply: Reply | str) -> None:
        outcome: Outcome
        if isinstance(reply, str):
            outcome = reply
        else:
            found = reply.inspection if isinstance(request, Inspect) else reply.excitations
            outcome = found if found is not None else reply.error or "The engine's reply has no inspection."
        with self._lock:
            ask = self._asked or Ask(request)
            self._known[ask] = outcome
            if not isinstance(outcome, str):
                earlier = self._newest.get(request, ask)
                if earlier != ask:
                    self._known.pop(earlier, None)
                self._newest[request] = ask
            self._drop_oldest()
            following = self._next()
        if following is not None:
            self._client.request(following)
        self._on_change()

    def _drop_oldest(self) -> None:
        size = sum(map(_size, self._known.values()))
        while size > KEPT_BYTES and len(self._known) > 1:
            ask, outcome = self._known.popitem(last=False)
            size -= _size(outcome)
            if self._newest.get(ask.request) == ask:
                del self._newest[ask.request]


def _size(outcome: Outcome) -> int:
    """Return the bytes of the tensors and images of a reply."""
    if isinstance(outcome, str):
        return len(outcome)
    if isinstance(outcome, Excitations):
        return sum(len(image.image) for image in outcome.images)
    tensors = [layer.output for layer in outcome.layers if layer.output is not None]
    tensors += [tensor for layer in outcome.layers for tensor in layer.weights.values()]
    return 1000 + sum(len(tensor.values) for tensor in tensors)
