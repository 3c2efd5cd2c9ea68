"""ONNX Runtime: dense networks by their layers and the rows of a batch, one thread; models are made with `onnx`."""

import numpy as np
import onnx
import onnxruntime as ort
from meminterface_workloads import call, kind, sizes, workload
from onnx import TensorProto, helper, numpy_helper

kind(ort.InferenceSession, "onnxruntime.InferenceSession")
WIDTH, DEPTH = sizes(32, 1500, edges=()), sizes(1, 8, edges=())
OPTIONS = ort.SessionOptions()
OPTIONS.intra_op_num_threads = OPTIONS.inter_op_num_threads = 1


def model(rng, width, depth):
    """`depth` layers of `width` times `width` weights, each with a ReLU, as the bytes of an ONNX file."""
    random, nodes, weights = np.random.default_rng(rng.getrandbits(32)), [], []
    for n in range(depth):
        weights.append(numpy_helper.from_array(random.random((width, width), dtype=np.float32), f"w{n}"))
        nodes.append(helper.make_node("MatMul", [f"x{n}", f"w{n}"], [f"y{n}"]))
        nodes.append(helper.make_node("Relu", [f"y{n}"], [f"x{n + 1}"]))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width]) for name in ("x0", f"x{depth}")]
    graph = helper.make_graph(nodes, "layers", ends[:1], ends[1:], weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return made.SerializeToString()


@workload("onnxruntime.InferenceSession", width=WIDTH, depth=DEPTH,
          parameters=["path_or_bytes", "sess_options=None", "providers=None", "provider_options=None", "**kwargs"])
def _(rng, width, depth):
    return call(ort.InferenceSession, model(rng, width, depth), OPTIONS, providers=["CPUExecutionProvider"])


@workload("onnxruntime.InferenceSession.run", rows=sizes(50, 20_000, edges=(1,)), width=sizes(16, 500, edges=()), depth=sizes(1, 6, edges=()),
          parameters=["output_names", "input_feed", "run_options=None"],
          externals={"batch_rows": "rows of the batch", "widest_layer": "numbers a row that the widest layer of the model gives"})
def _(rng, rows, width, depth):
    session = ort.InferenceSession(model(rng, width, depth), OPTIONS, providers=["CPUExecutionProvider"])
    batch = np.random.default_rng(rng.getrandbits(32)).random((rows, width), dtype=np.float32)
    return call(session.run, None, {"x0": batch}).given(batch_rows=rows, widest_layer=width)
