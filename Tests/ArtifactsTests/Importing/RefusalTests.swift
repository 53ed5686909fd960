// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Testing

/// Model files that are no models: each is refused, and the error names the place.
@Suite struct RefusalTests {
    /// What is put in for what, and what the error says.
    typealias Mistake = (old: String, new: String, problem: String)

    private func check(_ error: ArtifactError?, _ mistake: Mistake) {
        let text = error?.description ?? ""
        #expect(text.hasPrefix("m: "))
        #expect(text.contains(mistake.problem), "it says \(text)")
    }

    static let xgboostMistakes: [Mistake] = [
        ("\"gbtree\"", "\"gblinear\"", "learner.gradient_booster.name: gblinear"),
        ("\"gbtree\"", "\"forest\"", "learner.gradient_booster.name: 'forest'; expected gbtree"),
        ("reg:squarederror", "reg:magic", "learner.objective.name: 'reg:magic'"),
        ("\"learner\"", "\"teacher\"", "learner: is missing"),
        ("\"num_feature\": \"2\"", "\"num_feature\": \"0\"", "num_feature: 0; expected 1 to"),
        (
            "\"num_feature\": \"2\"", "\"num_feature\": \"99999999999\"",
            "num_feature: 99999999999; expected 1 to"
        ),
        ("\"num_feature\": \"2\"", "\"num_feature\": 2.5", "num_feature: a number; expected a w"),
        ("\"num_class\": \"0\"", "\"num_class\": \"-7x\"", "num_class: '-7x'"),
        ("\"num_target\": \"1\"", "\"num_target\": \"9999999\"", "num_target: 9999999"),
        ("[5E-1]", "[x]", "base_score: 'x'; expected a number"),
        ("[5E-1]", "[1,2]", "base_score: has 2 values; expected 1 or 1"),
        ("[5E-1]", "[]", "base_score: has 0 values"),
        ("[5E-1]", "inf", "base_score: 'inf'"),
        ("[\"a\", \"b\"]", "[\"a\"]", "feature_names: has 1 entries; expected 2"),
        ("[\"a\", \"b\"]", "[\"a\", 7]", "feature_names[1]: a number; expected a string"),
        ("\"tree_info\": [0]", "\"tree_info\": [1]", "tree_info: 1; expected 0..<1"),
        ("\"tree_info\": [0]", "\"tree_info\": [0, 0]", "tree_info: has 2 values; expected 1"),
        ("\"id\": 0", "\"id\": 1", "trees[0].id: 1; expected each of 0..<1 once"),
        ("[1, -1, -1]", "[1, -1]", "right_children: has 3 values; expected 2"),
        ("[1, -1, -1]", "[0, -1, -1]", "left_children: node 0 has more than one parent"),
        ("[1, -1, -1]", "[2, -1, -1]", "left_children: node 2 has more than one parent"),
        ("[1, -1, -1]", "[3, -1, -1]", "left_children: node 0 has a child 3"),
        ("[1, -1, -1]", "[-2, -1, -1]", "left_children: node 0 has a child -2"),
        ("[1, -1, -1]", "[1.5, -1, -1]", "left_children: other values"),
        ("[1, -1, -1]", "[]", "left_children: is empty"),
        (
            "\"split_indices\": [0", "\"split_indices\": [2",
            "split_indices: 2 at node 0; expected 0..<2"
        ),
        ("[1.5, -2, 3]", "[1.5, -2, 1e99]", "split_conditions: no number at node 2"),
        ("[1.5, -2, 3]", "[1.5, -2, NaN]", "split_conditions: no number at node 2"),
        ("[1.5, -2, 3]", "[NaN, -2, 3]", "split_conditions: no number at node 0"),
        ("[1.5, -2, 3]", "[1.5, -2, nan]", "NaN is not JSON"),
        ("\"split_indices\": [0", "\"split_indices\": [Infinity", "split_indices: other values"),
        ("\"split_type\": [0", "\"split_type\": [0, 0", "split_type: has 4 values"),
        (
            "\"size_leaf_vector\": \"1\"", "\"size_leaf_vector\": \"3\"",
            "size_leaf_vector: 3; expected 1"
        ),
    ]

    @Test(arguments: xgboostMistakes.indices)
    func `names the place in a file of XGBoost`(index: Int) throws {
        let mistake = Self.xgboostMistakes[index]
        let error = #expect(throws: ArtifactError.self) {
            try imported(
                xgboostText,
                replacing: [(mistake.old, mistake.new)],
                .xgboostJSON
            )
        }
        check(error, mistake)
    }

    static let categoryMistakes: [Mistake] = [
        ("\"categories\": []", "\"categories\": [0, -1]", "categories: -1, for node 0"),
        ("\"categories\": []", "\"categories\": [0]", "categories_sizes: 2 from 0 on, for node 0"),
    ]

    @Test(arguments: categoryMistakes.indices)
    func `names the categories that are none`(index: Int) throws {
        let mistake = Self.categoryMistakes[index]
        let error = #expect(throws: ArtifactError.self) {
            try imported(
                xgboostText,
                replacing: [
                    ("\"split_type\": [0", "\"split_type\": [1"),
                    ("\"categories_nodes\": []", "\"categories_nodes\": [0]"),
                    ("\"categories_segments\": []", "\"categories_segments\": [0]"),
                    ("\"categories_sizes\": []", "\"categories_sizes\": [2]"),
                    (mistake.old, mistake.new),
                ],
                .xgboostJSON
            )
        }
        check(error, mistake)
    }

    static let lightgbmMistakes: [Mistake] = [
        ("version=v4", "version=v9", "head, version: 'v9'; expected v2, v3 or v4"),
        ("num_class=1", "num_klass=1", "head, num_class: is missing"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=0", "num_tree_per_iteration: 0"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=2", "does not divide the 1 trees"),
        ("max_feature_idx=1", "max_feature_idx=9223372036854775807", "max_feature_idx: 92233"),
        ("max_feature_idx=1", "max_feature_idx=2", "feature_names: has 2 entries; expected 3"),
        ("objective=regression", "objective=magic", "objective: 'magic'"),
        ("objective=regression", "objective=binary sigmoid:x", "objective: 'sigmoid:x'"),
        ("feature_infos=[-1:2.5] none", "feature_infos=none", "feature_infos: has 1 entries"),
        ("num_leaves=3", "num_leaves=0", "Tree=0, num_leaves: 0"),
        ("num_leaves=3", "num_leaves=999999999999", "Tree=0, num_leaves: 999999999999"),
        ("num_leaves=3", "num_leaves=4", "leaf_value: has 3 values; expected 4"),
        ("is_linear=0", "is_linear=1", "is_linear: a tree with a linear model in each leaf"),
        ("leaf_value=0.25", "leaf_value=inf", "leaf_value: 'inf' for value 0; expected a number"),
        ("leaf_value=0.25", "leaf_value=0,25", "leaf_value: '0,25' for value 0"),
        ("threshold=1.5", "threshold=nan", "threshold: 'nan' for value 0"),
        ("left_child=1 -1", "left_child=0 -1", "node 0 has more than one parent"),
        ("left_child=1 -1", "left_child=1 -2", "leaf 1 has more than one parent"),
        ("left_child=1 -1", "left_child=1 -9", "node 1 has a child"),
        ("left_child=1 -1", "left_child=1 2", "node 1 has a child -1"),
        ("left_child=1 -1", "left_child=-9223372036854775808 -1", "node 0 has a child"),
        ("split_feature=0 1", "split_feature=0 2", "split_feature: 2 at node 1; expected 0..<2"),
        ("decision_type=10 1", "decision_type=12 1", "decision_type: 12 at node 0"),
        ("threshold=1.5 0", "threshold=1.5 1", "which asks for categories"),
        ("decision_type=10 1", "decision_type=1 1", "which asks for categories"),
        ("num_cat=1", "num_cat=9", "num_cat: 9; expected at most 2"),
        ("cat_boundaries=0 1", "cat_boundaries=1 1", "cat_boundaries: not rising from 0"),
        ("cat_boundaries=0 1", "cat_boundaries=0 9", "cat_threshold: has 1 values; expected 9"),
        ("cat_threshold=6", "cat_threshold=-6", "cat_threshold: -6; expected 32 bits"),
        ("end of trees", "end of forest", "expected 'end of trees'"),
    ]

    @Test(arguments: lightgbmMistakes.indices)
    func `names the place in a file of LightGBM`(index: Int) throws {
        let mistake = Self.lightgbmMistakes[index]
        let error = #expect(throws: ArtifactError.self) {
            try imported(
                lightgbmText,
                replacing: [(mistake.old, mistake.new)],
                .lightgbmText
            )
        }
        check(error, mistake)
    }

    @Test func `the texts themselves are read`() throws {
        #expect(try imported(xgboostText, .xgboostJSON).features.map(\.name) == ["a", "b"])
        let model = try imported(lightgbmText, .lightgbmText)
        #expect(
            model.features == [
                ImportedFeature(name: "a", datatype: .fp64, range: -1...2.5),
                ImportedFeature(name: "b", datatype: .fp64, categories: ["x", "y", "z"]),
            ]
        )
    }

    @Test func `a node of categories has no threshold, as XGBoost 2 writes it`() throws {
        let model = try imported(
            xgboostText,
            replacing: [
                ("\"split_type\": [0", "\"split_type\": [1"),
                ("\"categories_nodes\": []", "\"categories_nodes\": [0]"),
                ("\"categories_segments\": []", "\"categories_segments\": [0]"),
                ("\"categories_sizes\": []", "\"categories_sizes\": [1]"),
                ("\"categories\": []", "\"categories\": [4]"),
                ("[1.5, -2, 3]", "[NaN, -2, 3]"),
            ],
            .xgboostJSON
        )
        #expect(model.features.map(\.isCategoryCode) == [true, false])
    }

    // MARK: Cut and mutilated files

    @Test func `a cut file is refused wherever it is cut`() throws {
        let binary = try universalBinary(xgboostText)
        let text = Array(xgboostText.utf8)
        // What follows the trees may be missing.
        let tree = Array(lightgbmText.split(separator: "end of trees")[0].utf8)
        for (bytes, format) in [
            (binary, ModelFormat.xgboostUBJ), (text, .xgboostJSON), (tree, .lightgbmText),
        ] {
            for count in 0..<bytes.count {
                #expect(throws: ArtifactError.self, "\(format) cut at \(count)") {
                    try importModel(Array(bytes.prefix(count)), format: format)
                }
            }
        }
    }

    @Test(arguments: [ModelFormat.xgboostJSON, .xgboostUBJ])
    func `a file of brackets is refused before it takes the stack`(format: ModelFormat) {
        let bytes = [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)
        #expect(throws: ArtifactError.self) { try importModel(bytes, format: format) }
    }

    @Test func `a length that lies takes no memory`() {
        for head in ["[$l#L", "[#L", "SL", "{L"] {
            let bytes = Array(head.utf8) + [0x7F] + [UInt8](repeating: 0xFF, count: 7)
            #expect(throws: ArtifactError.self) {
                try importModel(bytes, format: .xgboostUBJ)
            }
        }
    }

    @Test func `any byte may be another`() throws {
        let binary = try universalBinary(xgboostText)
        for place in binary.indices {
            for value in [UInt8(0), 0x7F, 0xFF, binary[place] ^ 1] {
                var bytes = binary
                bytes[place] = value
                _ = try? importModel(bytes, format: .xgboostUBJ)
            }
        }
    }
}
