// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Testing

@Suite struct ModelFormatTests {
    static let files: [(start: String, name: String, format: ModelFormat?)] = [
        ("{\"learner\": 1}", "model.bin", .xgboostJSON),
        (" {\n \"a\"", "model.bin", .xgboostJSON),
        ("{}", "model.ubj", .xgboostJSON),
        ("{L\0\0\0\0\0\0\0\u{7}learner", "model.json", .xgboostUBJ),
        ("{i\u{7}learner", "model", .xgboostUBJ),
        ("tree\nversion=v4\n", "model.onnx", .lightgbmText),
        ("tree\r\nversion=v4\r\n", "", .lightgbmText),
        ("trees\n", "model.txt", nil),
        ("\u{8}\u{8}\u{12}", "model.json", .onnx),
        ("", "some/Model.ONNX", .onnx),
        ("", "model.ubj", .xgboostUBJ),
        ("", "model.json", .xgboostJSON),
        ("carat,cut\n", "diamonds.csv", nil),
        ("", "", nil),
    ]

    @Test(arguments: files.indices)
    func `goes by the first bytes and then by the name`(index: Int) {
        let file = Self.files[index]
        #expect(ModelFormat.detect(Array(file.start.utf8), fileName: file.name) == file.format)
    }

    @Test func `ONNX is not imported`() {
        #expect(throws: ArtifactError.self) { try importModel([8, 8], format: .onnx) }
    }
}
