// SPDX-License-Identifier: Apache-2.0

/// Words that mean something in a model.
enum ModelWords {
    static let attributes: [String] = [
        "axis", "axes", "keepdims", "pads", "strides", "dilations", "kernel_shape", "group",
        "block_size", "output_shape", "output_padding", "ceil_mode", "perm", "to", "batch_dims",
        "k",
        "p", "transA", "transB", "upper", "num_outputs", "size", "blocksize", "hidden_size",
        "layout",
        "sampling_ratio", "output_height", "output_width", "pooled_shape", "sorted", "largest",
        "reverse", "exclusive", "allowzero", "start", "end", "count_include_pad", "storage_order",
        "saturate", "dtype", "output_dtype", "shape", "scan_input_axes", "scan_output_axes",
        "scan_input_directions", "num_scan_inputs", "new_axis", "onesided", "inverse", "fmod",
        "noop_with_empty_axes", "select_last_index", "training_mode", "max_skip_count",
        "min_gram_length", "max_gram_length", "ngram_counts", "ngram_indexes", "q_num_heads",
        "kv_num_heads", "num_heads", "rotary_embedding_dim", "interleaved", "is_causal",
        "antialias",
        "exclude_outside", "time_axis", "batch_axis", "num_groups", "offset_group", "sample_size",
        "stash_type", "split", "starts", "ends", "maxsplit", "max_map", "n_supports", "n_targets",
        "vectors_per_class", "targets", "classlabels_ints", "cats_int64s", "inputdimensions",
        "nodes_featureids", "nodes_nodeids", "nodes_treeids", "nodes_truenodeids",
        "nodes_falsenodeids", "target_ids", "target_nodeids", "class_ids", "tree_roots",
        "leaf_targetids", "aggregate_function", "post_transform", "broadcast", "align_corners",
    ]
}
