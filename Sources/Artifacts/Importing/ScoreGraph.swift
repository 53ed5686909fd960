// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

/// The graph of an imported model: rows, trees, and what makes an answer of their sums.
///
/// Exponentials are taken in double precision, where they come out as the C library has them, and
/// rounded once to what the model works in.
struct ScoreGraph {
    static let inputName = "X"

    /// What libraries make of a number where they want the code of a category.
    enum Codes {
        /// XGBoost: below 0 is no category.
        case roundedDown
        /// LightGBM: everything above -1 and below 1 is category 0.
        case cut
    }

    private var draft: ModelDraft
    private let inputType: DataType
    private var count = 0

    init(producer: (name: String, version: String), inputType: DataType) {
        self.inputType = inputType
        draft = ModelDraft(
            producer: producer,
            opsets: [("", 21), ("ai.onnx.ml", 5)]
        )
    }

    var bytes: [UInt8] { draft.bytes }

    // MARK: Parts

    /// The rows, with whole codes in the columns of categories.
    mutating func input(width: Int, categories: [Bool], codes: Codes) -> String {
        draft.addInput(Self.inputName, inputType, width: width)
        guard categories.contains(true) else { return Self.inputName }
        draft.addConstant(
            "categories",
            ModelDraft.Constant(.booleans(categories), shape: [1, width])
        )
        var code = node("Floor", [Self.inputName])
        if codes == .cut {
            let up = node("Ceil", [Self.inputName])
            let isNegative = node("Less", [Self.inputName, number(0, inputType)])
            code = node("Where", [isNegative, up, code])
        }
        return node("Where", ["categories", code, Self.inputName])
    }

    /// The sums of the trees, `[N, targets]`.
    mutating func trees(_ forest: BoostedForest, _ rows: String) -> String {
        let trees = TreeEnsembleNode(forest, isSingle: inputType == .float)
        return node("TreeEnsemble", domain: "ai.onnx.ml", [rows], trees.attributes)
    }

    /// `value` divided by a number.
    mutating func divided(_ value: String, by divisor: Double, _ type: DataType) -> String {
        node("Div", [value, number(divisor, type)])
    }

    mutating func cast(_ value: String, from old: DataType, to new: DataType) -> String {
        guard old != new else { return value }
        return node("Cast", [value], [("to", .integer(Int64(new.rawValue)))])
    }

    /// Adds the answer of `sums`, which are of `type`, as the graph's output; its type is that of the
    /// input.
    mutating func output(
        _ output: ScoreOutput,
        of sums: String,
        width: Int,
        _ type: DataType
    ) -> ImportedOutput {
        let answer = linked(sums, output.link, type)
        let final: DataType = output.isLabel ? .int64 : inputType
        let last = output.isLabel ? answer : cast(answer, from: type, to: final)
        draft.rename(last, to: output.name)
        let isOne = output.link == .largest
        draft.addOutput(output.name, final, width: isOne ? 1 : width)
        return ImportedOutput(
            name: output.name,
            from: output.name,
            width: isOne ? 1 : width,
            datatype: output.isLabel ? .int64 : inputType == .float ? .fp32 : .fp64,
            range: output.range(targetCount: width)
        )
    }

    private mutating func linked(
        _ x: String,
        _ link: ScoreOutput.Link,
        _ type: DataType
    ) -> String {
        switch link {
        case .identity: return node("Identity", [x])
        case .square:
            let signed = node("Mul", [node("Sign", [x]), x])
            return node("Mul", [signed, x])
        case .exponential: return exponential(x, type)
        case .logistic:
            var negative = node("Neg", [x])
            // XGBoost holds it here, where the exponential is still finite.
            if type == .float { negative = node("Min", [negative, number(88.7, type)]) }
            return logistic(of: negative, type)
        case .steepLogistic(let steepness):
            return logistic(of: node("Mul", [x, number(-steepness, type)]), type)
        case .softplus: return node("Softplus", [x])
        case .softmax:
            let largest = node("ReduceMax", [x, axis], [("keepdims", .integer(1))])
            let powers = exponential(node("Sub", [x, largest]), type)
            let sum = node("ReduceSum", [powers, axis], [("keepdims", .integer(1))])
            return node("Div", [powers, sum])
        case .largest:
            return node("ArgMax", [x], [("axis", .integer(1)), ("keepdims", .integer(1))])
        case .isPositive:
            return node(
                "Cast",
                [node("Greater", [x, number(0, type)])],
                [("to", .integer(Int64(DataType.int64.rawValue)))]
            )
        }
    }

    /// What 1 / (1 + exp(x)) is.
    private mutating func logistic(of x: String, _ type: DataType) -> String {
        let power = exponential(x, type)
        return node("Reciprocal", [node("Add", [power, number(1, type)])])
    }

    private mutating func exponential(_ x: String, _ type: DataType) -> String {
        let wide = cast(x, from: type, to: .double)
        return cast(node("Exp", [wide]), from: .double, to: type)
    }

    // MARK: Nodes

    private mutating func node(
        _ operatorName: String,
        domain: String = "",
        _ inputs: [String],
        _ attributes: [(name: String, value: ModelDraft.Attribute)] = []
    ) -> String {
        count += 1
        let output = "\(operatorName.lowercased())_\(count)"
        draft.addNode(operatorName, domain: domain, inputs, to: output, attributes)
        return output
    }

    private mutating func number(_ value: Double, _ type: DataType) -> String {
        let name = "\(type)_\(value)"
        let elements: ModelDraft.Constant.Elements =
            type == .double ? .doubles([value]) : .floats([Float(value)])
        draft.addConstant(name, ModelDraft.Constant(elements, shape: []))
        return name
    }

    private var axis: String {
        mutating get {
            draft.addConstant("axis", ModelDraft.Constant(.integers([1]), shape: [1]))
            return "axis"
        }
    }
}
