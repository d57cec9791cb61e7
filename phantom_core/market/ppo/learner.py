"""Learner: SB3's PPO on many shops, by rollout and update, and its tensors by name."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from phantom_core.core.errors import DataError
from phantom_core.market.best_price import best_fixed_ratio
from phantom_core.market.observation import EnvVersion, Observation
from phantom_core.market.ppo.hyperparameters import PpoHyperparameters
from phantom_core.market.ppo.network import PricingNetwork
from phantom_core.market.ppo.practice import PracticeShops
from phantom_core.market.ppo.saved_policy import Tensors
from phantom_core.market.scenario import Scenario
from phantom_core.market.traffic import ShopperScorer

_POLICY: Final = "policy."
_ADAM: Final = "adam."
_MOMENTS: Final = ("step", "exp_avg", "exp_avg_sq")


class Learner:
    """Trains one policy.

    Args:
        scenario: what it is trained on.
        version: version of the observations.
        total_steps: shop hours at the end, a multiple of the number of shops; the learning rate
            falls to 0 on the way.
        steps: shop hours trained before; the shoppers that follow differ from those after 0.
        seed: source of all randomness.
        chosen: hyperparameters.
        scorer: scores the visitors, for v1; None means the detector's flags.
    """

    def __init__(
        self,
        scenario: Scenario,
        version: EnvVersion,
        *,
        total_steps: int,
        steps: int,
        seed: int,
        chosen: PpoHyperparameters,
        scorer: ShopperScorer | None = None,
    ) -> None:
        self.steps, self.total_steps = steps, total_steps
        self._chosen = chosen
        first_ratio = 0.0 if steps else best_fixed_ratio(scenario, seed)
        own_seed = int(np.random.SeedSequence([seed, steps]).generate_state(1)[0])
        self._model = PPO(
            PricingNetwork,
            PracticeShops(scenario, chosen.n_shops, own_seed, version=version, scorer=scorer),
            learning_rate=lambda left: chosen.learning_rate * left,
            n_steps=chosen.rollout_h,
            batch_size=chosen.batch_size,
            n_epochs=chosen.n_epochs,
            gamma=chosen.gamma,
            gae_lambda=chosen.gae_lambda,
            clip_range=chosen.clip_range,
            # Episodes that ended last: as many as there are shops.
            stats_window_size=chosen.n_shops,
            policy_kwargs={
                "observation": Observation(scenario, version),
                "first_ratio": first_ratio,
                "hidden": chosen.hidden,
                "initial_log_std": chosen.initial_log_std,
            },
            seed=own_seed,
            device="cpu",
        )
        self._callback: BaseCallback | None = None

    def update(self) -> None:
        """Simulate one rollout, or the rest to the total, and train on it."""
        model, n_shops = self._model, self._chosen.n_shops
        if self._callback is None:
            _, self._callback = model._setup_learn(self.total_steps, None)
            model.num_timesteps = self.steps
        hours = min(self._chosen.rollout_h, (self.total_steps - self.steps) // n_shops)
        model.rollout_buffer.buffer_size = hours
        assert model.env is not None
        model.collect_rollouts(model.env, self._callback, model.rollout_buffer, hours)
        # The rate of an update is that of its middle, so that the last one still learns.
        done = (self.steps + hours * n_shops / 2.0) / self.total_steps
        model._current_progress_remaining = 1.0 - done
        model.train()
        self.steps = model.num_timesteps

    def reward(self) -> float | None:
        """Mean money of the episodes that ended last; None before one ended."""
        rewards = [episode["r"] for episode in self._model.ep_info_buffer or ()]
        return float(np.mean(rewards)) if rewards else None

    def policy_tensors(self) -> Tensors:
        """Weights and constants of the networks by name."""
        return {name: _array(tensor) for name, tensor in self._named().items()}

    def tensors(self) -> Tensors:
        """Everything a checkpoint holds: the networks, and Adam's moments of each weight."""
        state = self._model.policy.optimizer.state
        moments = {
            f"{_ADAM}{name}.{moment}": _array(state[parameter][moment])
            for name, parameter in self._model.policy.named_parameters()
            for moment in _MOMENTS
            if parameter in state
        }
        return {
            **{_POLICY + name: array for name, array in self.policy_tensors().items()},
            **moments,
        }

    def restore(self, tensors: Tensors) -> None:
        """Continue with the tensors of a checkpoint.

        Raises:
            DataError: they do not belong to this kind of policy.
        """
        optimizer = self._model.policy.optimizer
        try:
            with torch.no_grad():
                for name, tensor in self._named().items():
                    tensor.copy_(torch.as_tensor(tensors[_POLICY + name]))
                for name, parameter in self._model.policy.named_parameters():
                    if f"{_ADAM}{name}.step" in tensors:
                        optimizer.state[parameter] = {
                            moment: torch.as_tensor(tensors[f"{_ADAM}{name}.{moment}"])
                            for moment in _MOMENTS
                        }
        except (KeyError, RuntimeError):
            raise DataError(
                "The checkpoint's tensors do not belong to this kind of policy.",
                hint="Start the training again.",
            ) from None

    def _named(self) -> dict[str, torch.Tensor]:
        policy = self._model.policy
        # Each buffer once: the networks share one features extractor.
        return {**dict(policy.named_parameters()), **dict(policy.named_buffers())}


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    return np.array(tensor.detach().numpy(), np.float32)
