# SPDX-License-Identifier: Apache-2.0
"""Makes MobileNetV2 and ResNet-50 (224 x 224, seeded random weights) as exporters write them.

    models_conv.py FOLDER [--batch-norm]

Each goes to FOLDER/NAME with model.onnx and test_data_set_0, whose output ONNX Runtime gave with
its optimisations off. Batch normalisation is folded into the convolutions, as exporters do in
inference mode, unless --batch-norm keeps it as nodes of its own.
"""
import argparse
import pathlib

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


class Net:
    """A graph under construction; every method adds a node and gives its output's name."""

    def __init__(self, seed, keeps_batch_norm):
        self.random = numpy.random.default_rng(seed)
        self.keeps_batch_norm = keeps_batch_norm
        self.nodes, self.constants, self.count = [], [], 0

    def constant(self, array, kind="w"):
        name = f"{kind}{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, operator, inputs, **attributes):
        self.count += 1
        output = f"{operator.lower()}_{self.count}"
        self.nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def conv(self, x, channels, outputs, kernel, stride=1, group=1):
        fan = channels // group * kernel * kernel
        shape = (outputs, channels // group, kernel, kernel)
        weights = self.random.normal(0, (1.6 / fan) ** 0.5, shape).astype("float32")
        scale, shift, mean = (
            (base + spread * self.random.normal(size=outputs)).astype("float32")
            for base, spread in ((1, 0.1), (0, 0.1), (0, 0.1)))
        variance = self.random.uniform(0.5, 1.5, outputs).astype("float32")
        pads = dict(kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4,
                    dilations=[1, 1], group=group)
        if self.keeps_batch_norm:
            x = self.add("Conv", [x, self.constant(weights)], **pads)
            numbers = [self.constant(n, "bn") for n in (scale, shift, mean, variance)]
            return self.add("BatchNormalization", [x, *numbers], epsilon=1e-5)
        factor = scale / numpy.sqrt(variance + numpy.float32(1e-5))
        weights = weights * factor[:, None, None, None]
        bias = shift - mean * factor
        return self.add("Conv", [x, self.constant(weights), self.constant(bias, "b")], **pads)

    def classify(self, x, channels):
        x = self.add("GlobalAveragePool", [x])
        x = self.add("Flatten", [x], axis=1)
        weights = self.random.normal(0, channels ** -0.5, (1000, channels)).astype("float32")
        bias = numpy.zeros(1000, "float32")
        return self.add("Gemm", [x, self.constant(weights), self.constant(bias)], transB=1)

    def model(self, output):
        image = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 224, 224])
        scores = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 1000])
        self.nodes[-1].output[0] = "output"
        graph = helper.make_graph(self.nodes, "net", [image], [scores], self.constants)
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def mobilenet_v2(keeps_batch_norm):
    """Sandler et al. 2018, table 2."""
    net = Net(2018, keeps_batch_norm)
    low, high = (net.constant(numpy.array(n, "float32"), "clip") for n in (0, 6))

    def clipped(x):
        return net.add("Clip", [x, low, high])

    x = clipped(net.conv("input", 3, 32, 3, 2))
    channels = 32
    for factor, outputs, repeats, stride in (
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
            (6, 160, 3, 2), (6, 320, 1, 1)):
        for repeat in range(repeats):
            start, width = x, channels * factor
            if factor > 1:
                x = clipped(net.conv(x, channels, width, 1))
            x = clipped(net.conv(x, width, width, 3, 1 if repeat else stride, width))
            x = net.conv(x, width, outputs, 1)
            if repeat:
                x = net.add("Add", [start, x])
            channels = outputs
    x = clipped(net.conv(x, channels, 1280, 1))
    return net.model(net.classify(x, 1280))


def resnet50(keeps_batch_norm):
    """He et al. 2015, table 1, with the stride in the 3 x 3 convolution as torchvision has it."""
    net = Net(2015, keeps_batch_norm)
    x = net.add("Relu", [net.conv("input", 3, 64, 7, 2)])
    x = net.add("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for stage, repeats in enumerate((3, 4, 6, 3)):
        width = 64 << stage
        for repeat in range(repeats):
            stride = 2 if stage and not repeat else 1
            y = net.add("Relu", [net.conv(x, channels, width, 1)])
            y = net.add("Relu", [net.conv(y, width, width, 3, stride)])
            y = net.conv(y, width, 4 * width, 1)
            if not repeat:
                x = net.conv(x, channels, 4 * width, 1, stride)
            x = net.add("Relu", [net.add("Add", [y, x])])
            channels = 4 * width
    return net.model(net.classify(x, channels))


def write(folder, model):
    data = folder / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    image = numpy.random.default_rng(1).normal(size=(1, 3, 224, 224)).astype("float32")
    (scores,) = session.run(None, {"input": image})
    for name, array in (("input_0", image), ("output_0", scores)):
        tensor = numpy_helper.from_array(array, name.split("_")[0])
        (data / f"{name}.pb").write_bytes(tensor.SerializeToString())
    # Sums of thousands of terms in another order: a millionth of the largest score, a few times over.
    tolerance = float(1e-5 * abs(scores).max())
    (folder / "data.json").write_text(f'{{"rtol": 1e-3, "atol": {tolerance}}}\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--batch-norm", action="store_true")
    arguments = parser.parse_args()
    for make in (mobilenet_v2, resnet50):
        write(arguments.folder / make.__name__, make(arguments.batch_norm))


if __name__ == "__main__":
    main()
