"""Writes quants.gguf: the same numbers in every GGUF format, by llama.cpp's own Python package.

    python make_quants.py        (gguf 0.19.0, numpy 2.4)

Tensors x (F32), f16, bf16, q8_0, q4_0, q4_1, and q5_0, which is not read. The list of float32 that
each stands for follows as <name>.f32.
"""
import os
import numpy as np
from gguf import GGUFWriter, GGMLQuantizationType as T
from gguf.quants import quantize, dequantize

w = GGUFWriter(os.path.join(os.path.dirname(os.path.abspath(__file__)), "quants.gguf"), "llama")
w.add_uint32("test.int", 7)
w.add_float32("test.float", 1e-5)
w.add_string("test.text", "naïve")
w.add_array("test.texts", ["a", "", "Ġb"])
w.add_array("test.ints", [1, -2, 3])
w.add_bool("test.bool", True)
x = np.random.default_rng(1).normal(size=(3, 64)).astype(np.float32)
x[0, :32] = 0
x[1, 0], x[1, 1] = 6e-6, 300.5
w.add_tensor("x", x)
for name, kind in dict(f16=T.F16, bf16=T.BF16, q8_0=T.Q8_0, q4_0=T.Q4_0, q4_1=T.Q4_1, q5_0=T.Q5_0).items():
    q = quantize(x, kind)
    w.add_tensor(name, q, raw_dtype=kind)
    w.add_tensor(name + ".f32", dequantize(q, kind).astype(np.float32))
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
