// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// A tree of two leaves in XGBoost's JSON, of which tests change a part.
let xgboostTree = """
    {"tree_param": {"num_nodes": "3", "size_leaf_vector": "1"}, "id": 0,
     "left_children": [1, -1, -1], "right_children": [2, -1, -1], "parents": [2147483647, 0, 0],
     "split_indices": [0, 0, 0], "split_conditions": [1.5, -2, 3], "default_left": [0, 0, 0],
     "split_type": [0, 0, 0], "categories": [], "categories_nodes": [],
     "categories_segments": [], "categories_sizes": []}
    """

/// A model around `xgboostTree`.
let xgboostText = """
    {"version": [3, 2, 0], "learner": {"attributes": {}, "feature_names": ["a", "b"],
     "feature_types": [], "objective": {"name": "reg:squarederror"},
     "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2",
      "num_target": "1"},
     "gradient_booster": {"name": "gbtree", "model": {"tree_info": [0], "trees": [\(xgboostTree)],
      "gbtree_model_param": {"num_trees": "1", "num_parallel_tree": "1"}}}}}
    """

/// A model of one tree of three leaves in LightGBM's text, of which tests change a part.
let lightgbmText = """
    tree
    version=v4
    num_class=1
    num_tree_per_iteration=1
    label_index=0
    max_feature_idx=1
    objective=regression
    feature_names=a b
    feature_infos=[-1:2.5] none
    tree_sizes=300

    Tree=0
    num_leaves=3
    num_cat=1
    split_feature=0 1
    threshold=1.5 0
    decision_type=10 1
    left_child=1 -1
    right_child=-2 -3
    leaf_value=0.25 -1 2e-3
    cat_boundaries=0 1
    cat_threshold=6
    is_linear=0
    shrinkage=1


    end of trees

    feature_importances:
    a=1

    pandas_categorical:[["x", "y", "z"]]

    """

/// Reads a text, of which parts are replaced; each must occur in it.
func imported(
    _ text: String,
    replacing changes: [(String, String)] = [],
    _ format: ModelFormat,
    options: ImportOptions = ImportOptions(fileName: "m")
) throws(ArtifactError) -> ImportedModel {
    var text = text
    for (old, new) in changes {
        let parts = text.split(separator: old, omittingEmptySubsequences: false)
        precondition(parts.count > 1, "'\(old)' does not occur")
        text = parts[0] + new + parts.dropFirst().joined(separator: old)
    }
    return try importModel(Array(text.utf8), format: format, options: options)
}

/// Writes a JSON text as Universal Binary JSON, as XGBoost does: arrays of numbers typed.
func universalBinary(_ text: String) throws -> [UInt8] {
    var bytes: [UInt8] = []
    append(try parseJSON(Array(text.utf8)), to: &bytes)
    return bytes
}

private func append(_ value: JSONValue, to bytes: inout [UInt8]) {
    switch value {
    case .null: bytes += Array("Z".utf8)
    case .bool(let flag): bytes += Array((flag ? "T" : "F").utf8)
    case .string(let text):
        bytes += Array("S".utf8)
        append(text, to: &bytes)
    case .number(let number):
        bytes += Array("d".utf8)
        append((number.float ?? 0).bitPattern, to: &bytes)
    case .object(let members):
        bytes += Array("{".utf8)
        for member in members {
            append(member.name, to: &bytes)
            append(member.value, to: &bytes)
        }
        bytes += Array("}".utf8)
    case .array(let elements):
        let whole = elements.compactMap { $0.asNumber?.int64 }
        let real = elements.compactMap { $0.asNumber?.float }
        if whole.count == elements.count {
            bytes += Array("[$l#L".utf8)
            append(UInt64(whole.count), to: &bytes)
            for number in whole { append(UInt32(truncatingIfNeeded: number), to: &bytes) }
        } else if real.count == elements.count {
            bytes += Array("[$d#L".utf8)
            append(UInt64(real.count), to: &bytes)
            for number in real { append(number.bitPattern, to: &bytes) }
        } else {
            bytes += Array("[#L".utf8)
            append(UInt64(elements.count), to: &bytes)
            for element in elements { append(element, to: &bytes) }
        }
    }
}

private func append(_ text: String, to bytes: inout [UInt8]) {
    bytes += Array("L".utf8)
    append(UInt64(text.utf8.count), to: &bytes)
    bytes += Array(text.utf8)
}

private func append<Word: FixedWidthInteger>(_ word: Word, to bytes: inout [UInt8]) {
    for place in (0..<(Word.bitWidth / 8)).reversed() {
        bytes.append(UInt8(truncatingIfNeeded: word >> (8 * place)))
    }
}
