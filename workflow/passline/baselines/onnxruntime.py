"""ONNX Runtime: a model of one Softmax node, with input and output bound to the rows."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from passline.baselines import NOT_TOLD, Availability, Call, Floats, Softmax

TITLE = "ONNX Runtime"
DISTRIBUTION = "onnxruntime"

_IR_VERSION, _OPSET = 8, 13  # of 2021: every release since reads them
_FLOAT = 1


def probe() -> Availability:
    """Import it; it does not tell which instructions it uses."""
    try:
        import onnxruntime
    except (ImportError, OSError) as error:
        return Availability(ok=False, reason=f"ONNX Runtime cannot be imported ({error}): pip install onnxruntime")
    return Availability(ok=True, version=onnxruntime.__version__, isa=NOT_TOLD, threads=1)


def load() -> Softmax:
    """A session on the calling thread alone; its own default for denormals."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model(), options, providers=["CPUExecutionProvider"])
    return Softmax(lambda x, y: _bound(session, x, y))


def _bound(session: Any, x: Floats, y: Floats) -> Call:
    binding = session.io_binding()
    binding.bind_input("x", "cpu", 0, np.float32, x.shape, x.ctypes.data)
    binding.bind_output("y", "cpu", 0, np.float32, y.shape, y.ctypes.data)
    return partial(session.run_with_iobinding, binding)


def model() -> bytes:
    """An ONNX ModelProto: y = Softmax(x) over float32[n].

    Field numbers are those of onnx.proto3, wire types those of protocol buffers; written here so that making one
    node needs no further package.
    """
    dimension = _message(1, _message(2, b"n"))  # TensorShapeProto.dim.dim_param
    tensor = _message(1, _number(1, _FLOAT) + _message(2, dimension))  # TypeProto.tensor_type: elem_type, shape
    x, y = (_message(1, name) + _message(2, tensor) for name in (b"x", b"y"))  # ValueInfoProto: name, type
    node = _message(1, b"x") + _message(2, b"y") + _message(4, b"Softmax")  # input, output, op_type
    graph = _message(1, node) + _message(2, b"softmax") + _message(11, x) + _message(12, y)
    return _number(1, _IR_VERSION) + _message(7, graph) + _message(8, _number(2, _OPSET))


def _message(field: int, content: bytes) -> bytes:
    """A field of wire type 2 of less than 128 bytes: its number, its length, its content."""
    return bytes([field << 3 | 2, len(content)]) + content


def _number(field: int, value: int) -> bytes:
    """A field of wire type 0, for values below 128."""
    return bytes([field << 3, value])
