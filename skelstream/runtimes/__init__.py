"""Runtimes: torch, OpenVINO and ONNX export, with one table and a choice by device and precision.

Names are imported from the modules: `cores` does not load torch.
"""
