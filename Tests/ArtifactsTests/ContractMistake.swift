// SPDX-License-Identifier: Apache-2.0
import Testing

/// One mistake in the fixture's contract, and the one line that it must give.
struct ContractMistake: Sendable, CustomTestStringConvertible {
    var replace: String
    var with: String
    var says: String
    var testDescription: String { with }

    private static func mistake(
        _ replace: String,
        _ with: String,
        _ says: String
    ) -> ContractMistake {
        ContractMistake(replace: replace, with: with, says: says)
    }

    static let all = features + encodings + outputs + links + settings

    static let features = [
        mistake(
            "\"name\": \"depth\"",
            "\"name\": \"cut\"",
            "features[2].name: a second feature named 'cut'; expected a name of its own"
        ),
        mistake(
            "[0.1, 6.0]",
            "[6.0, 0.1]",
            "features[0].range: the low end, 6.0, is above the high end, 0.1"
        ),
        mistake(
            "[0.1, 6.0]",
            "[0.1, 1e400]",
            "features[0].range: expected two finite numbers, [low, high], found an array"
        ),
        mistake(
            "[0.1, 6.0]",
            "[0.1, 1e39]",
            "features[0].range: [0.1, 1e+39] goes beyond FP32, which has "
                + "-3.4028234663852886e+38 to 3.4028234663852886e+38"
        ),
        mistake(
            "\"FP32\", \"unit\": \"ct\"",
            "\"FP33\", \"unit\": \"ct\"",
            "features[0].datatype: expected one of 'BOOL', 'INT8', 'INT16', 'INT32', 'INT64', "
                + "'UINT8', 'UINT16', 'UINT32', 'UINT64', 'FP16', 'FP32', 'FP64', 'BYTES', "
                + "found \"FP33\"; did you mean 'FP32'?"
        ),
        mistake(
            "\"FP32\", \"unit\": \"ct\", \"range\": [0.1, 6.0]",
            "\"BOOL\", \"range\": [0, 1]",
            "features[0].range: a BOOL value has no order, so it has no range; remove the key"
        ),
        mistake(
            "\"Good\", ",
            "\"Fair\", ",
            "features[1].categories: 'Fair' occurs twice; expected each once"
        ),
        mistake(
            "\"Good\", ",
            "\"\", ",
            "features[1].categories: category 1 is empty; expected a text"
        ),
        mistake(
            "\"unit\": \"ct\"",
            "\"categories\": [\"a\"]",
            "features[0].categories: only BYTES features have categories; this one is FP32"
        ),
        mistake(
            "\"missing\": \"reject\"",
            "\"missing\": \"fallbck\"",
            "features[0].missing: 'fallbck'; expected 'reject', 'fallback' or "
                + "{\"default\": value}; did you mean 'fallback'?"
        ),
        mistake(
            "\"missing\": \"reject\"",
            "\"missing\": 0",
            "features[0].missing: a number; expected 'reject', 'fallback' or {\"default\": value}"
        ),
        mistake(
            "{\"default\": 61.8}",
            "{\"default\": \"61.8\"}",
            "features[2].missing.default: a string; expected a value of datatype FP32"
        ),
        mistake(
            "{\"default\": 61.8}",
            "{\"default\": 90}",
            "features[2].missing.default: 90 is outside the range [40.0, 80.0]"
        ),
        mistake(
            "{\"default\": 61.8}",
            "{\"default\": 61.8, \"reason\": \"median\"}",
            "features[2].missing: unknown key 'reason'; known here: default"
        ),
        mistake(
            "\"unknown\": \"reject\"",
            "\"unknown\": {\"default\": \"ideal\"}",
            "features[1].unknown.default: 'ideal' is not among the categories; "
                + "did you mean 'Ideal'?"
        ),
        mistake(
            "\"FP32\", \"range\": [40, 80], \"missing\": {\"default\": 61.8}",
            "\"INT32\", \"range\": [40, 80], \"missing\": {\"default\": null}",
            "features[2].missing.default: null stands for NaN, which INT32 does not have here"
        ),
        mistake(
            "\"unit\": \"ct\"",
            "\"unknown\": \"reject\"",
            "features[0].unknown: without categories no value is unknown; "
                + "add categories or remove the key"
        ),
        mistake(
            "\"unit\": \"ct\"",
            "\"shape\": [0]",
            "features[0].shape: [0]; expected one to eight dimensions, each at least 1"
        ),
        mistake(
            "\"unit\": \"ct\"",
            "\"shape\": [65536, 65536]",
            "features[0].shape: [65536, 65536] has more than 2147483647 elements"
        ),
        mistake(
            "\"unit\": \"ct\"",
            "\"shape\": [2]",
            "features[0].encode.column: a feature with a shape fills an input of its own; "
                + "remove the key or the shape"
        ),
    ]

    static let encodings = [
        mistake(
            "\"as\": \"ordinal\"",
            "\"as\": \"ordnal\"",
            "features[1].encode.as: expected one of 'identity', 'ordinal', 'one_hot', 'text', "
                + "found \"ordnal\"; did you mean 'ordinal'?"
        ),
        mistake(
            "\"as\": \"ordinal\"",
            "\"as\": \"identity\"",
            "features[1].encode.as: 'identity' passes numbers; this feature is BYTES; "
                + "use 'ordinal' or 'one_hot' with categories, or 'text'"
        ),
        mistake(
            "\"as\": \"ordinal\"",
            "\"as\": \"one_hot\"",
            "features[2].encode.column: 'depth' and 'cut' both fill column 2 of input 'X'; "
                + "expected one feature a column"
        ),
        mistake(
            "\"as\": \"ordinal\"",
            "\"as\": \"text\"",
            "features[0].encode.to: input 'X' gets both texts and numbers; expected one kind"
        ),
        mistake(
            "\"column\": 0}",
            "\"column\": 0, \"as\": \"one_hot\"}",
            "features[0].encode.as: 'one_hot' numbers categories, and there are none; "
                + "add categories in the order that the model was trained with"
        ),
        mistake(
            "\"column\": 0}",
            "\"column\": 0, \"as\": \"text\"}",
            "features[0].encode.as: 'text' passes BYTES; this feature is FP32; use 'identity'"
        ),
        mistake(
            "{\"to\": \"X\", \"column\": 2}",
            "{\"to\": \"X\", \"column\": 0}",
            "features[2].encode.column: 'depth' and 'carat' both fill column 0 of input 'X'; "
                + "expected one feature a column"
        ),
        mistake(
            "{\"to\": \"X\", \"column\": 2}",
            "{\"to\": \"X\", \"column\": 4}",
            "features[2].encode.column: no feature fills column 2 of input 'X', "
                + "before 'depth' in column 4"
        ),
        mistake(
            "{\"to\": \"X\", \"column\": 2}",
            "{\"to\": \"X\"}",
            "features[2].encode: no column, though 3 features go to input 'X'; "
                + "add the column that 'depth' fills"
        ),
        mistake(
            "{\"to\": \"X\", \"column\": 2}",
            "{\"to\": \"Y\", \"column\": 1}",
            "features[2].encode.column: no feature fills column 0 of input 'Y', "
                + "before 'depth' in column 1"
        ),
        mistake(
            "{\"to\": \"X\", \"column\": 2}",
            "{\"to\": \"X\", \"column\": -1}",
            "features[2].encode.column: expected a whole number from 0 to 999999, found -1"
        ),
    ]

    static let outputs = [
        mistake(
            "\"from\": \"variable\", ",
            "",
            "outputs[0].from: missing; expected a string"
        ),
        mistake(
            "5.0",
            "1",
            "outputs[0].max_ratio_to_mean: 1.0 would refuse the mean itself; expected above 1"
        ),
        mistake(
            "5.0",
            "\"5\"",
            "outputs[0].max_ratio_to_mean: expected a finite number, found \"5\""
        ),
        mistake(
            "\"unit\": \"USD\"",
            "\"units\": \"USD\"",
            "outputs[0]: unknown key 'units'; did you mean 'unit'?"
        ),
    ]

    static let links = [
        mistake(
            "\"by\": \"cut\"",
            "\"by\": \"cutt\"",
            "fallback[0].by: there is no feature 'cutt'; did you mean 'cut'?"
        ),
        mistake(
            "\"by\": \"cut\"",
            "\"by\": \"carat\"",
            "fallback[0].by: 'carat' is not a scalar feature with categories, "
                + "so no table can list it"
        ),
        mistake(
            "{\"Ideal\": 3458.0}",
            "{\"Very God\": 3458.0}",
            "fallback[0].values[\"Very God\"]: 'Very God' is not among the categories of 'cut'; "
                + "did you mean 'Very Good'?"
        ),
        mistake(
            "{\"Ideal\": 3458.0}",
            "{}",
            "fallback[0].values: no entry; expected at least one"
        ),
        mistake(
            "{\"Ideal\": 3458.0}",
            "{\"Ideal\": -1}",
            "fallback[0].values.Ideal: -1.0 is outside the range of 'price', [0.0, 25000.0]"
        ),
        mistake(
            "\"otherwise\": 3933.0",
            "\"otherwise\": 39330",
            "fallback[0].otherwise: 39330.0 is outside the range of 'price', [0.0, 25000.0]"
        ),
        mistake(
            "\"by\": \"cut\"",
            "\"output\": \"prize\", \"by\": \"cut\"",
            "fallback[0].output: there is no output 'prize'; did you mean 'price'?"
        ),
        mistake(
            "{\"carat\": 4000}",
            "{\"cut\": 4000}",
            "fallback[1].coefficients.cut: 'cut' is not a scalar number, so it has no coefficient"
        ),
        mistake(
            "{\"carat\": 4000}",
            "{\"karat\": 4000}",
            "fallback[1].coefficients.karat: there is no feature 'karat'; did you mean 'carat'?"
        ),
        mistake(
            "\"intercept\": 100, ",
            "",
            "fallback[1].intercept: missing; expected a finite number"
        ),
        mistake(
            "{\"price\": 3933.0}",
            "{\"cost\": 3933.0}",
            "fallback[2].values.cost: there is no output 'cost'"
        ),
        mistake(
            "{\"price\": 3933.0}",
            "{\"price\": -0.01}",
            "fallback[2].values.price: -0.01 is outside the range of 'price', [0.0, 25000.0]"
        ),
        mistake(
            "{\"price\": 3933.0}",
            "{\"price\": \"3933\"}",
            "fallback[2].values.price: a text; expected a value of datatype FP32"
        ),
        mistake(
            "\"constant\"",
            "\"konstant\"",
            "fallback[2].kind: expected one of 'table', 'linear', 'constant', "
                + "found \"konstant\"; did you mean 'constant'?"
        ),
    ]

    static let settings = [
        mistake(
            "\"then\": \"fallback\"}",
            "\"then\": \"refuse\"}",
            "kill_switches[0].then: expected one of 'fallback', 'reject', found \"refuse\""
        ),
        mistake(
            "\"when\": \"carat > 4 and depth < 41\"",
            "\"when\": \"\"",
            "kill_switches[0].when: expected a string that is not empty, found \"\""
        ),
        mistake(
            "{\"name\": \"implausible-stone\"",
            "{\"name\": \"implausible-stone\", \"when\": \"carat > 5\", \"then\": \"reject\"}, "
                + "{\"name\": \"implausible-stone\"",
            "kill_switches[1].name: a second kill switch named 'implausible-stone'; "
                + "expected a name of its own"
        ),
        mistake(
            "\"window\": 100",
            "\"window\": 0",
            "breaker.window: expected a whole number from 1 to 100000, found 0"
        ),
        mistake(
            "\"window\": 100",
            "\"window\": 10",
            "breaker.min_requests: 20 never fit in a window of 10; lower it or raise the window"
        ),
        mistake(
            "\"trip_ratio\": 0.05",
            "\"trip_ratio\": 0",
            "breaker.trip_ratio: 0.0; expected above 0 and at most 1.0"
        ),
        mistake(
            "\"trip_ratio\": 0.05",
            "\"trip_ratio\": 5",
            "breaker.trip_ratio: expected a finite number of at most 1.0, found 5"
        ),
        mistake(
            "\"cool_down\": \"30s\"",
            "\"cool_down\": 30",
            "breaker.cool_down: expected a duration such as \"30s\", \"250ms\" or \"5m\" "
                + "from 100ms to 1d, found 30"
        ),
        mistake(
            "\"interval\": \"30s\"",
            "\"interval\": \"2h\"",
            "canary.interval: expected a duration such as \"30s\", \"250ms\" or \"5m\" "
                + "from 1s to 1h, found \"2h\""
        ),
        mistake(
            "\"tolerance\": 0.0001",
            "\"tolerance\": 0.2",
            "canary.tolerance: expected a finite number of at most 0.1, found 0.2"
        ),
        mistake(
            "\"tolerance\": 0.0001",
            "\"tolernace\": 0.0001",
            "canary: unknown key 'tolernace'; did you mean 'tolerance'?"
        ),
        mistake(
            "\"unready\"",
            "\"alert\"",
            "canary.when_failing: expected one of 'unready', 'fallback', found \"alert\""
        ),
        mistake(
            "\"3 of 4\"",
            "\"5 of 4\"",
            "drift.windows: '5 of 4'; expected such as \"3 of 4\", at most 100 windows"
        ),
        mistake(
            "\"significance\": 0.05",
            "\"significance\": 0.9",
            "drift.significance: expected a finite number of at most 0.5, found 0.9"
        ),
        mistake(
            "\"psi\": 0.25",
            "\"spi\": 0.25",
            "drift.min_effect: unknown key 'spi'; did you mean 'psi'?"
        ),
        mistake("\"drift\"", "\"drfit\"", "unknown key 'drfit'; did you mean 'drift'?"),
        mistake(
            "\"breaker\"",
            "\"fallback\"",
            "line 23, column 3 (byte 989): the name 'fallback' occurs twice; write it as strict "
                + "JSON"
        ),
    ]
}
