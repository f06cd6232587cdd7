"""Networks that generators and transports are built on, one per kind of data."""

from __future__ import annotations

from scgde.nn.backbones._base import BACKBONES, Backbone, build_backbone
from scgde.nn.backbones._mlp import MLP
from scgde.nn.backbones._unet import UNet

__all__ = ["BACKBONES", "MLP", "Backbone", "UNet", "build_backbone"]
