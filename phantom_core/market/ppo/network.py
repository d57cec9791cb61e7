"""The networks of PPO: scaled observations, then a small perceptron each for price and value."""

import gymnasium as gym
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, create_mlp
from stable_baselines3.common.type_aliases import Schedule

from phantom_core.market.observation import Observation
from phantom_core.market.ppo.features import HOUR, N_CLOCK, TURN, centre_and_scale


class ScaledObservation(BaseFeaturesExtractor):
    """The policy features as a layer, and time left as the last feature.

    Centre and scale come from the scenario and are saved with the weights, so a policy needs no
    statistics of its training run.

    Args:
        observation_space: of the training shops.
        observation: meaning of the numbers.
    """

    centre: torch.Tensor
    scale: torch.Tensor

    def __init__(self, observation_space: gym.spaces.Box, observation: Observation) -> None:
        super().__init__(observation_space, len(observation.names) + N_CLOCK + 1)
        centre, scale = centre_and_scale(observation)
        self.register_buffer("centre", torch.as_tensor(centre))
        self.register_buffer("scale", torch.as_tensor(scale))

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Features of observations, shape (n, n_numbers + 3)."""
        angle = seen[:, HOUR : HOUR + 1] * TURN
        numbers = (seen[:, :-1] - self.centre) / self.scale
        return torch.cat(
            [numbers, torch.sin(angle), torch.cos(angle), 2.0 * seen[:, -1:] - 1.0], dim=1
        )


class PriceAndValue(torch.nn.Module):
    """Two perceptrons on the same features; only the value network reads the last one, time left.

    Args:
        n_features: count, time left included.
        hidden: units of each layer.
    """

    def __init__(self, n_features: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.latent_dim_pi = self.latent_dim_vf = hidden[-1]
        self.policy_net = torch.nn.Sequential(
            *create_mlp(n_features - 1, 0, list(hidden), torch.nn.Tanh)[: 2 * len(hidden)]
        )
        self.value_net = torch.nn.Sequential(
            *create_mlp(n_features, 0, list(hidden), torch.nn.Tanh)[: 2 * len(hidden)]
        )

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Last hidden layers of price and value."""
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        """Last hidden layer of the price."""
        return torch.as_tensor(self.policy_net(features[:, :-1]))

    def forward_critic(self, features: torch.Tensor) -> torch.Tensor:
        """Last hidden layer of the value."""
        return torch.as_tensor(self.value_net(features))


class PricingNetwork(ActorCriticPolicy):
    """SB3's actor-critic policy with these networks.

    Args:
        observation_space, action_space, lr_schedule, use_sde: as SB3 passes them.
        observation: what the policy observes.
        first_ratio: price of an untrained policy, in units of the base price.
        hidden: units of each layer of both perceptrons.
        initial_log_std: of the explored prices, in units of the base price.
    """

    def __init__(
        self,
        observation_space: gym.spaces.Box,
        action_space: gym.spaces.Box,
        lr_schedule: Schedule,
        *,
        observation: Observation,
        first_ratio: float,
        hidden: tuple[int, ...],
        initial_log_std: float,
        use_sde: bool = False,
    ) -> None:
        self._hidden = hidden
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            use_sde=use_sde,
            log_std_init=initial_log_std,
            features_extractor_class=ScaledObservation,
            features_extractor_kwargs={"observation": observation},
        )
        torch.nn.init.constant_(self.action_net.get_parameter("bias"), first_ratio)

    def _build_mlp_extractor(self) -> None:
        # SB3 accepts any module with these two latent dimensions here, and types its own.
        self.mlp_extractor = PriceAndValue(self.features_dim, self._hidden)  # type: ignore[assignment]
