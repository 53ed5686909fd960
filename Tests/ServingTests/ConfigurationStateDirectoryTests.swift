// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Serving

@Suite struct ConfigurationStateDirectoryTests {
    private func directory(
        models: String = "Models",
        in environment: [String: String],
        at workingDirectory: String = "/srv"
    ) -> String {
        var settings = Settings()
        settings.models = models
        return settings.stateDirectory(in: environment, workingDirectory: workingDirectory)
    }

    @Test func `a set directory is taken as it is`() {
        var settings = Settings()
        settings.stateDirectory = "here"
        let environment = ["STATE_DIRECTORY": "/var/lib/serin"]
        #expect(settings.stateDirectory(in: environment, workingDirectory: "/") == "here")
    }

    @Test func `systemd's directory comes before the user's`() {
        let environment = ["STATE_DIRECTORY": "/var/lib/serin:/x", "HOME": "/home/a"]
        #expect(directory(in: environment) == "/var/lib/serin")
    }

    static let bases: [(environment: [String: String], base: String)] = [
        (["XDG_STATE_HOME": "/state", "HOME": "/home/a"], "/state/serin/Models-"),
        (["XDG_STATE_HOME": "relative", "HOME": "/home/a"], "/home/a/.local/state/serin/Models-"),
        (["HOME": "/home/a"], "/home/a/.local/state/serin/Models-"),
        ([:], "/var/lib/serin/Models-"),
    ]

    @Test(arguments: bases)
    func `otherwise it is a folder of the user's`(environment: [String: String], base: String) {
        #expect(directory(in: environment).hasPrefix(base))
    }

    @Test func `the same models have the same directory, however they are written`() {
        let one = directory(in: ["HOME": "/h"])
        for models in ["/srv/Models", "./Models", "x/../Models", "Models/"] {
            #expect(directory(models: models, in: ["HOME": "/h"]) == one)
        }
    }

    @Test func `other models have another directory`() {
        let one = directory(in: ["HOME": "/h"])
        #expect(directory(in: ["HOME": "/h"], at: "/opt") != one)
        #expect(directory(models: "Other", in: ["HOME": "/h"]) != one)
    }
}
