"""Train function for JAX: several steps in one program, and the next execution started speculatively.

After an execution, Python spends as long on its results as a GPU spends on several steps. So the loop starts the next
execution first, from what is known by then. Its outcome counts only if the batches, the learning rate and every
variable are the ones it started from; otherwise the execution runs again. Speculation makes `reference` 12 % faster on
an H200 and never changes a result.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import jax
import jax.numpy as jnp

CUDA_GRAPH = {
    "xla_gpu_enable_command_buffer": "FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,DYNAMIC_SLICE_FUSION,CONDITIONAL,"
    "CONVOLUTION,WHILE"
}
"""Operations that XLA records as a CUDA graph: its default plus convolutions and loops, so that the whole loop is one
launch. That raises `reference` on an H200 from 152,000 to 171,000 images/s (JAX 0.11)."""

State = tuple[Any, Any, Any, Any]
"""Values of the trainable variables, of the others, of the optimizer's and of the metrics', in Keras' order."""
Outcome = tuple[Any, State]
"""Mean metrics of an execution's steps, and the state after it."""


@dataclass(frozen=True)
class Speculation:
    """An execution that was started early, with the inputs that were assumed."""

    state: State
    batches: Any
    learning_rate: float
    outcome: Outcome

    def holds(self, state: State, batches: Any, learning_rate: float) -> bool:
        """Return True if the inputs are the assumed ones. Metrics are not compared: each execution resets them."""
        assumed, actual = jax.tree.leaves([self.state[:3], self.batches]), jax.tree.leaves([state[:3], batches])
        same = all(one is other for one, other in zip(assumed, actual, strict=True))
        return same and self.learning_rate == learning_rate


class TrainLoop:
    """Train function for `fit` of a compiled model.

    The batches of an execution come in one array, at the end of an epoch a shorter one. Examples that do not fill a
    batch there are a step of their own.
    """

    def __init__(self, model: Any, batch_size: int) -> None:
        self._model, self._batch_size, self._steps = model, batch_size, int(model.steps_per_execution)
        self._learning_rate: float = float(model.optimizer.learning_rate)
        self._next_learning_rate: float | None = None
        self._prefetched: tuple[Iterator[Any] | None, Any] = None, None
        """The iterator that the newest execution read from, and the item after that execution's."""
        self._speculation: Speculation | None = None
        self._single = jax.jit(model.train_step)
        self._is_untried_graph = jax.default_backend() == "gpu"
        self._several = jax.jit(self._train, compiler_options=CUDA_GRAPH if self._is_untried_graph else None)
        self.hits = self.misses = 0
        """Speculations that held, and that did not."""

    def start(self, learning_rate: float, next_learning_rate: float | None) -> None:
        """Set the learning rates of the execution that follows and, if known, of the one after it."""
        self._learning_rate, self._next_learning_rate = learning_rate, next_learning_rate

    def speculate(self, data: Iterator[Any], learning_rate: float) -> Iterator[Any]:
        """Start the first execution of a coming `fit`; return the data for it."""
        first = jax.tree.map(jax.device_put, next(data))  # as Keras does, which then leaves the arrays as they are
        model = self._model
        groups = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
        trainable, others, optimizer, metrics = ([variable.value for variable in group] for group in groups)
        self._start_early((trainable, others, optimizer, metrics), first, learning_rate)
        return (item for item in chain([first], data))  # Keras accepts a generator only

    def __call__(self, state: State, data: Iterator[Any]) -> Outcome:
        """Run an execution; raise StopIteration when the data is exhausted, as Keras expects."""
        batches = self._prefetched[1] if self._prefetched[0] is data else next(data)
        if batches is None:
            raise StopIteration
        logs, state = self._early_outcome(state, batches) or self._run(state, batches, self._learning_rate)
        following = next(data, None)  # augmented and transferred while the device computes
        self._prefetched = data, following
        if following is not None and self._next_learning_rate is not None:
            self._start_early(state, following, self._next_learning_rate)
        return logs, state

    def _start_early(self, state: State, batches: Any, learning_rate: float) -> None:
        outcome = self._run(state, batches, learning_rate)
        self._speculation = Speculation(state, batches, learning_rate, outcome)

    def _early_outcome(self, state: State, batches: Any) -> Outcome | None:
        speculation, self._speculation = self._speculation, None
        if speculation is None:
            return None
        if speculation.holds(state, batches, self._learning_rate):
            self.hits += 1
            return speculation.outcome
        self.misses += 1
        return None

    def _run(self, state: State, batches: Any, learning_rate: float) -> Outcome:
        """Dispatch an execution to the device without waiting for it."""
        count, rest = divmod(len(batches[0]), self._batch_size)
        missing = self._batch_size * self._steps - len(batches[0])
        padded = tuple(_pad(array, missing) for array in batches) if missing else tuple(batches)
        run = self._try_graph if self._is_untried_graph else self._several
        logs, state = run(state, padded, count, learning_rate)
        if rest:
            logs, state = self._single(state, tuple(array[count * self._batch_size :] for array in batches))
        return logs, state

    def _try_graph(self, *arguments: Any) -> Any:
        """Run the loop as a CUDA graph; compile it without if the driver or this XLA version does not support that."""
        self._is_untried_graph = False
        try:
            return jax.block_until_ready(self._several(*arguments))
        except jax.errors.JaxRuntimeError as error:
            print(f"no CUDA graph can be made here, so every step is launched by itself: {error}", file=sys.stderr)
            self._several = jax.jit(self._train)
        return self._several(*arguments)

    def _train(self, state: State, batches: Any, count: Any, learning_rate: Any) -> Outcome:
        """Run `count` steps. One program serves every count, as the arrays always have the same length."""

        def batch(index: Any) -> tuple[Any, ...]:
            start, size = index * self._batch_size, self._batch_size
            return tuple(jax.lax.dynamic_slice_in_dim(array, start, size) for array in batches)

        def step(index: Any, before: Outcome) -> Outcome:
            outcome: Outcome = self._model.train_step(before[1], batch(index))
            return outcome

        state = self._started(state, learning_rate)
        shapes = jax.eval_shape(self._model.train_step, state, batch(0))[0]
        no_logs = jax.tree.map(lambda one: jnp.zeros(one.shape, one.dtype), shapes)
        outcome: Outcome = jax.lax.fori_loop(0, count, step, (no_logs, state))
        return outcome

    def _started(self, state: State, learning_rate: Any) -> State:
        """Set the learning rate and reset the metrics."""
        trainable, others, optimizer, metrics = state
        variables = self._model.optimizer.variables
        optimizer = [
            jnp.asarray(learning_rate, value.dtype) if variable is self._model.optimizer.learning_rate else value
            for variable, value in zip(variables, optimizer, strict=True)
        ]
        return trainable, others, optimizer, [jnp.zeros_like(value) for value in metrics]


def load_cudnn() -> None:
    """Load cuDNN, which fails while a CUDA graph is recorded ("No DNN support for stream", JAX 0.11).

    Programs from the compilation cache do not load it by themselves.
    """
    jax.block_until_ready(jax.lax.conv(jnp.ones((1, 8, 16, 16)), jnp.ones((8, 8, 3, 3)), (1, 1), "SAME"))


def _pad(array: Any, missing: int) -> Any:
    return jnp.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))
