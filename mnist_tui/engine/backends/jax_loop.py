"""Several training steps in one program of JAX's, and the next ones under way while Python looks at the last."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

CUDA_GRAPH = {
    "xla_gpu_enable_command_buffer": "FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,DYNAMIC_SLICE_FUSION,CONDITIONAL,"
    "CONVOLUTION,WHILE"
}
"""What XLA records as a CUDA graph, and launches at once: its own choice, with convolutions and loops, which makes it
the whole loop. Else the host launches every step. `reference` on an H200 with JAX 0.11: 171,000 images/s and 100 % of
the GPU's time for 152,000 and 91 %, and 4 ms of a Python thread for 53."""

State = tuple[Any, Any, Any, Any]
"""Values of the trainable variables, of the others, of the optimizer's and of the metrics', as Keras orders them."""
Outcome = tuple[Any, State]
"""The mean figures of an execution's steps, and what it left."""


@dataclass(frozen=True)
class Early:
    """An execution that was begun before anybody asked for it, and what it counted on."""

    state: State
    piece: Any
    rate: float
    outcome: Outcome

    def is_what(self, state: State, piece: Any, rate: float) -> bool:
        """Whether these are what it counted on; metrics begin anew with every execution."""
        same = zip(jax.tree.leaves([self.state[:3], self.piece]), jax.tree.leaves([state[:3], piece]), strict=True)
        return self.rate == rate and all(then is now for then, now in same)


class Loop:
    """A train function for `fit`. An execution takes a piece: so many whole batches in one array, or fewer at the end.

    Python is busy with an execution's figures for as long as a GPU takes for a few steps. So the next one is begun
    first, with what is known of it by then, and counts only if nothing has changed when it is asked for: the digits,
    the learning rate and every variable are those that it began with. What is left of the digits at the end, less than
    a batch, is a step of its own.
    """

    def __init__(self, model: Any, batch_size: int) -> None:
        self._model, self._batch_size, self._steps = model, batch_size, int(model.steps_per_execution)
        self._rate: float = float(model.optimizer.learning_rate)
        self._coming: float | None = None
        self._fetched: tuple[Iterator[Any] | None, Any] = None, None
        self._early: Early | None = None
        self._single = jax.jit(model.train_step)
        self._is_untried_graph = jax.default_backend() == "gpu"
        options = CUDA_GRAPH if self._is_untried_graph else None
        self._several = jax.jit(self._trace_several, compiler_options=options)
        self.used = self.lost = 0
        """Executions begun early that counted, and that did not."""

    def begin(self, rate: float, coming: float | None) -> None:
        """Before an execution: its learning rate, and that of the one after it as far as can be told."""
        self._rate, self._coming = rate, coming

    def speculate(self, pieces: Iterator[Any], rate: float) -> Iterator[Any]:
        """Begin the first execution of the next `fit`: returns the pieces to give it."""
        first = jax.tree.map(jax.device_put, next(pieces))  # as Keras would, which leaves these as they are
        model = self._model
        weights, others = model.trainable_variables, model.non_trainable_variables
        parts = (weights, others, model.optimizer.variables, model.metrics_variables)
        trained, kept, optimizer, metrics = ([variable.value for variable in part] for part in parts)
        self._begin_early((trained, kept, optimizer, metrics), first, rate)
        return _joined(first, pieces)

    def __call__(self, state: State, pieces: Iterator[Any]) -> Outcome:
        """Take the next piece; raises StopIteration, as Keras expects of an iterator that has run out."""
        piece = self._fetched[1] if self._fetched[0] is pieces else next(pieces)
        if piece is None:
            raise StopIteration
        logs, state = self._take_early(state, piece) or self._run(state, piece, self._rate)
        following = next(pieces, None)  # brought there while the device computes
        self._fetched = pieces, following
        if following is not None and self._coming is not None:
            self._begin_early(state, following, self._coming)
        return logs, state

    def _begin_early(self, state: State, piece: Any, rate: float) -> None:
        self._early = Early(state, piece, rate, self._run(state, piece, rate))

    def _take_early(self, state: State, piece: Any) -> Outcome | None:
        """What was begun early, if it is what is wanted."""
        early, self._early = self._early, None
        if early is None:
            return None
        if early.is_what(state, piece, self._rate):
            self.used += 1
            return early.outcome
        self.lost += 1
        return None

    def _run(self, state: State, piece: Any, rate: float) -> Outcome:
        """Hand it to the device, and do not wait."""
        count, rest = divmod(len(piece[0]), self._batch_size)
        missing = self._batch_size * self._steps - len(piece[0])
        whole = tuple(_filled(part, missing) for part in piece) if missing else tuple(piece)
        take = self._try_graph if self._is_untried_graph else self._several
        logs, state = take(state, whole, count, rate)
        if rest:
            logs, state = self._single(state, tuple(part[count * self._batch_size :] for part in piece))
        return logs, state

    def _try_graph(self, *arguments: Any) -> Any:
        """Do without where it cannot be had: what is recorded goes by names that come and go, and by the driver."""
        self._is_untried_graph = False
        try:
            return jax.block_until_ready(self._several(*arguments))
        except jax.errors.JaxRuntimeError as error:
            print(f"no CUDA graph can be made here, so every step is launched by itself: {error}", file=sys.stderr)
            self._several = jax.jit(self._trace_several)
        return self._several(*arguments)

    def _trace_several(self, state: State, piece: Any, count: Any, rate: Any) -> Outcome:
        """`count` steps at a learning rate. One program does for every count: a piece is always as long."""

        def batch(place: Any) -> tuple[Any, ...]:
            begin, size = place * self._batch_size, self._batch_size
            return tuple(jax.lax.dynamic_slice_in_dim(part, begin, size) for part in piece)

        def step(place: Any, so_far: Outcome) -> Outcome:
            outcome: Outcome = self._model.train_step(so_far[1], batch(place))
            return outcome

        state = self._begun(state, rate)
        figures = jax.eval_shape(self._model.train_step, state, batch(0))[0]
        blank = jax.tree.map(lambda one: jnp.zeros(one.shape, one.dtype), figures)
        outcome: Outcome = jax.lax.fori_loop(0, count, step, (blank, state))
        return outcome

    def _begun(self, state: State, rate: Any) -> State:
        """At a learning rate, and with metrics that have seen nothing yet."""
        trained, kept, optimizer, metrics = state
        its_own = self._model.optimizer.learning_rate
        pairs = zip(self._model.optimizer.variables, optimizer, strict=True)
        optimizer = [jnp.asarray(rate, value.dtype) if variable is its_own else value for variable, value in pairs]
        return trained, kept, optimizer, [jnp.zeros_like(value) for value in metrics]


def load_cudnn() -> None:
    """Once, before a CUDA graph with convolutions is recorded.

    In the midst of that cuDNN cannot be loaded ("No DNN support for stream"), and a program that comes from the cache
    of compiled ones has not done it on the way (JAX 0.11).
    """
    jax.block_until_ready(jax.lax.conv(jnp.ones((1, 8, 16, 16)), jnp.ones((8, 8, 3, 3)), (1, 1), "SAME"))


def _joined(first: Any, others: Iterator[Any]) -> Iterator[Any]:
    """A generator, which is what Keras takes."""
    yield first
    yield from others


def _filled(part: Any, missing: int) -> Any:
    """With so many blank digits more."""
    return jnp.pad(part, [(0, missing)] + [(0, 0)] * (part.ndim - 1))
