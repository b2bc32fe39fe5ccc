"""A compiled Keras model with its plan: a run trains one, an ensemble several in sequence."""

from dataclasses import replace
from typing import Any

import keras

from mnist_tui.config import DataFacts, RunConfig
from mnist_tui.engine import backends
from mnist_tui.engine.backends.planning import plan
from mnist_tui.engine.distribution import Distribution
from mnist_tui.engine.hardware.plan import Machine
from mnist_tui.engine.models.architecture import conv_channels, describe_layers
from mnist_tui.engine.models.ema import fit_averages, validated_variables
from mnist_tui.engine.models.member_models import Weights
from mnist_tui.engine.models.own_model import own_loss
from mnist_tui.engine.models.presets import compile_model, preset_of


class CompiledModel:
    """Ensemble member `number` (from 0) of a run, compiled for this machine. Each member has its own seed."""

    def __init__(
        self, config: RunConfig, number: int, machine: Machine, facts: DataFacts, distribution: Distribution
    ) -> None:
        self.number, self.seed = number, (config.seed + number) % 2**32
        keras.utils.set_random_seed(self.seed)
        self.preset = preset_of(config, number)
        model = self.preset.build(facts.image_shape, facts.classes)
        loss = own_loss(model) if config.model else None
        if loss is not None:
            self.preset = replace(self.preset, label_smoothing=getattr(loss, "label_smoothing", 0.0))
        self.layers = describe_layers(model)
        self.plan = plan(config, machine, conv_channels(self.layers), distribution.world_size)
        backend = backends.current()
        with backend.scope(), distribution.scope():
            self.model: Any = backend.prepare_model(model, self.plan)
            compile_model(self.preset, self.model, config.optimizer, config.learning_rate, jit=self.plan.jit, loss=loss)
            if self.plan.steps_per_execution > 1:
                backend.set_steps_per_execution(self.model, self.plan.steps_per_execution, config.batch_size)
            self.model.optimizer.build(self.model.trainable_variables)
        self.variables = [*self.model.variables, *self.model.optimizer.variables]
        """All variables that a checkpoint stores."""
        self.reader = distribution.reader(self.model)
        """Function that returns the model with its current weights, for predictions during training."""
        self._is_own = config.model is not None

    def current_weights(self) -> Weights:
        """Return a copy of the weights that would be validated now."""
        return backends.current().fetch(validated_variables(self.model))

    def fit_averages(self, steps: int) -> None:
        """Shorten moving averages for a run of few steps. Those of an own model's layers stay as they are."""
        fit_averages(self.model, steps, with_statistics=not self._is_own)
