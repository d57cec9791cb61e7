"""Network bytes: whether an ONNX file is a network that PHANTOM saves, before it is opened.

ONNX may name files that hold its weights, and operators that run code of their own. Neither belongs
to a saved network: weights stand in the file, and operators are those of the standard.
Source: the protocol buffers of onnx.proto and their wire format,
https://protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator
from typing import Final

from phantom_core.core.errors import DataError

MOST_BYTES: Final = 256 << 20
_MOST_DEPTH: Final = 4
_MOST_FIELDS: Final = 200_000
OPERATORS: Final = frozenset(
    (
        "Abs",
        "Add",
        "And",
        "Asinh",
        "Cast",
        "CastLike",
        "Ceil",
        "Clip",
        "Concat",
        "Constant",
        "ConstantOfShape",
        "Div",
        "Equal",
        "Erf",
        "Exp",
        "Expand",
        "Flatten",
        "Floor",
        "Gather",
        "Gemm",
        "Greater",
        "GreaterOrEqual",
        "Identity",
        "IsNaN",
        "Less",
        "LessOrEqual",
        "Log",
        "MatMul",
        "Max",
        "Min",
        "Mul",
        "Neg",
        "Not",
        "Or",
        "Pow",
        "Range",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Shape",
        "Sigmoid",
        "Slice",
        "Softplus",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Tanh",
        "Transpose",
        "Unsqueeze",
        "Where",
    )
)
_DOMAINS: Final = (b"", b"ai.onnx")
# Numbers of fields, by message.
_MODEL: Final = {"graph": 7, "opset_import": 8, "functions": 25, "training_info": 20}
_GRAPH: Final = {"node": 1, "initializer": 5, "sparse_initializer": 15}
_NODE: Final = {"op_type": 4, "attribute": 5, "domain": 7}
_ATTRIBUTE: Final = {"tensor": 5, "graph": 6, "tensors": 10, "graphs": 11}
_SPARSE: Final = (22, 23)
_TENSOR: Final = {"external_data": 13, "data_location": 14}
_OPSET: Final = {"domain": 1}
Value = int | bytes


def check_network(content: bytes, what: str) -> None:
    """Reject bytes that are not an ONNX network complete in itself, of standard operators.

    Args:
        content: of the file.
        what: named in errors.
    Raises:
        DataError: too large, damaged, with weights outside the file, or with other operators.
    """
    _Checker(what).check_model(content)


class _Checker:
    """Walks through the messages of one file."""

    def __init__(self, what: str) -> None:
        self._what, self._n_fields = what, 0

    def check_model(self, content: bytes) -> None:
        if len(content) > MOST_BYTES:
            raise self._refusal(f"{len(content):,} bytes; at most {MOST_BYTES:,} are read")
        has_graph = False
        for number, value in self._fields(content):
            if number in (_MODEL["functions"], _MODEL["training_info"]):
                raise self._refusal("functions of its own")
            if number == _MODEL["opset_import"]:
                self._check_opset(self._message(value))
            if number == _MODEL["graph"]:
                has_graph = True
                self._check_graph(self._message(value), 0)
        if not has_graph:
            raise self._refusal("no graph")

    def _check_opset(self, content: bytes) -> None:
        for number, value in self._fields(content):
            if number == _OPSET["domain"] and value not in _DOMAINS:
                raise self._refusal(f"operators of {value!r:.60}, which are not standard")

    def _check_graph(self, content: bytes, depth: int) -> None:
        if depth > _MOST_DEPTH:
            raise self._refusal("graphs within graphs")
        for number, value in self._fields(content):
            if number == _GRAPH["sparse_initializer"]:
                raise self._refusal("sparse weights")
            if number == _GRAPH["initializer"]:
                self._check_tensor(self._message(value))
            if number == _GRAPH["node"]:
                self._check_node(self._message(value), depth)

    def _check_node(self, content: bytes, depth: int) -> None:
        operator = ""
        for number, value in self._fields(content):
            if number == _NODE["op_type"]:
                operator = self._message(value).decode(errors="replace")
            if number == _NODE["domain"] and value not in _DOMAINS:
                raise self._refusal(f"an operator of {value!r:.60}, which is not standard")
            if number == _NODE["attribute"]:
                self._check_attribute(self._message(value), depth)
        if operator not in OPERATORS:
            raise self._refusal(f"the operator '{operator[:40]}', which no network of PHANTOM has")

    def _check_attribute(self, content: bytes, depth: int) -> None:
        for number, value in self._fields(content):
            if number in _SPARSE:
                raise self._refusal("sparse weights")
            if number in (_ATTRIBUTE["tensor"], _ATTRIBUTE["tensors"]):
                self._check_tensor(self._message(value))
            if number in (_ATTRIBUTE["graph"], _ATTRIBUTE["graphs"]):
                self._check_graph(self._message(value), depth + 1)

    def _check_tensor(self, content: bytes) -> None:
        for number, value in self._fields(content):
            is_outside = number == _TENSOR["external_data"] or (
                number == _TENSOR["data_location"] and value != 0
            )
            if is_outside:
                raise self._refusal("weights in another file")

    def _fields(self, content: bytes) -> Iterator[tuple[int, Value]]:
        """Number and value of each field of a message, in order."""
        at = 0
        while at < len(content):
            self._n_fields += 1
            if self._n_fields > _MOST_FIELDS:
                raise self._refusal("too many parts")
            tag, at = self._varint(content, at)
            number, kind = tag >> 3, tag & 7
            value: Value = 0
            if kind == 0:
                value, at = self._varint(content, at)
            elif kind in (1, 5):
                at += 8 if kind == 1 else 4
            elif kind == 2:
                length, at = self._varint(content, at)
                value, at = content[at : at + length], at + length
            else:
                raise self._refusal("a field of unknown type")
            if at > len(content):
                raise self._refusal("an end that comes too early")
            yield number, value

    def _varint(self, content: bytes, at: int) -> tuple[int, int]:
        found = shift = 0
        while at < len(content) and shift < 70:
            byte = content[at]
            found |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                return found, at
        raise self._refusal("a damaged number")

    def _message(self, value: Value) -> bytes:
        if isinstance(value, int):
            raise self._refusal("a number where a part is expected")
        return value

    def _refusal(self, why: str) -> DataError:
        return DataError(
            f"{self._what} is not a network that PHANTOM saved: it has {why}.",
            hint="Restore the model from a backup, or train again.",
        )
