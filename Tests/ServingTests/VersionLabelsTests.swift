// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

@testable import Serving

@Suite struct VersionLabelsTests {
    private let digests = [1: "one", 2: "two", 3: "three"]

    @Test func `the newest sound version is next, and never one older than the active one`() {
        var labels = VersionLabels()
        #expect(labels.next(of: []) == nil)
        #expect(labels.next(of: [1, 3, 2]) == 3)
        labels.activate(3)
        #expect(labels.next(of: [1, 2, 3]) == 3)
        #expect(labels.next(of: [1, 2]) == 2, "the active one is no longer sound")
        #expect(labels.names(of: 3) == ["stable"])
    }

    @Test func `who goes back holds all that is newer`() {
        var labels = VersionLabels()
        for version in 1...3 { labels.activate(version) }
        #expect(labels.previous == 2)
        labels.goBack(to: 1, loaded: digests, reason: "wrong")
        #expect(labels.active == 1)
        #expect(labels.next(of: [1, 2, 3]) == 1)
        #expect(labels.held.keys.sorted() == [2, 3])
        #expect(labels.next(of: [1, 2, 3, 4]) == 4, "a version that nobody knew yet")
        labels.activate(3)
        #expect(labels.names(of: 3) == ["stable"])
        #expect(labels.names(of: 2) == ["held"])
    }

    @Test func `who is promoted keeps newer ones away, the active one too`() {
        var labels = VersionLabels()
        labels.activate(2)
        let stays = labels.promote(2, known: digests, reason: "stay")
        #expect(!stays)
        #expect(labels.names(of: 2) == ["stable"])
        #expect(labels.names(of: 3) == ["held"])
        let comes = labels.promote(3, known: digests, reason: "now")
        #expect(comes)
        #expect(labels.names(of: 3) == ["stable"])
        let goes = labels.promote(1, known: digests, reason: "back")
        #expect(goes)
        #expect(labels.held.keys.sorted() == [2, 3])
        #expect(labels.next(of: [1, 2, 3]) == 1)
    }

    @Test func `a rollout by hand holds what is newer, and not what answers`() {
        var labels = VersionLabels()
        labels.activate(3)
        labels.holdNewer(than: 1, loaded: digests, reason: "first this one")
        #expect(labels.held.keys.sorted() == [2])
        labels.pin = .init(version: 2, reason: "freeze", by: "mira")
        #expect(labels.version(named: "pinned") == 2)
        #expect(labels.version(named: "held") == nil)
    }

    @Test func `a hold is on the bytes`() {
        var labels = VersionLabels()
        labels.activate(2)
        labels.goBack(to: 1, loaded: digests, reason: "wrong")
        labels.release(2, unless: "two")
        #expect(labels.names(of: 2) == ["held"])
        labels.release(2, unless: "others")
        #expect(labels.names(of: 2) == [])
    }

    @Test func `a pinned version is next or nothing is`() {
        var labels = VersionLabels()
        labels.activate(3)
        labels.pin = .init(version: 2, reason: "freeze", by: "mira")
        #expect(labels.next(of: [1, 2, 3]) == 2)
        #expect(labels.next(of: [1, 3]) == nil)
    }

    @Test func `what is written is read again`() throws {
        var labels = VersionLabels()
        for version in 1...3 { labels.activate(version) }
        labels.goBack(to: 2, loaded: digests, reason: "prices \"look\" wrong")
        labels.pin = .init(version: 2, reason: "freeze", by: "mira")
        labels.rollout = .init(version: 3, step: 2, digest: "three")
        labels.isUnloaded = true
        let text = labels.json.encoded(pretty: true)
        #expect(VersionLabels(persisted: try parseJSON(text)) == labels)
        #expect(VersionLabels(persisted: .object([])) == VersionLabels())
        let damaged = try parseJSON(Array(#"{"active": "x", "held": {"0": {}}, "pin": 3}"#.utf8))
        #expect(VersionLabels(persisted: damaged) == VersionLabels())
    }
}

@Suite struct VersionPolicyTests {
    @Test(arguments: [
        ("latest", VersionPolicy.latest(1)), ("3 latest", .latest(3)),
        ("listed 1 4", .listed([1, 4])),
    ])
    func `policies are read`(text: String, policy: VersionPolicy) {
        #expect(VersionPolicy(text) == policy)
    }

    @Test(arguments: [
        "", "newest", "0 latest", "-1 latest", "65 latest", "latest 3", "listed", "listed 0",
        "listed 1 x", "listed 99999999999999999999",
    ])
    func `what is no policy is none`(text: String) {
        #expect(VersionPolicy(text) == nil)
    }

    @Test func `a model may have a policy of its own`() {
        var versions = Settings.Versions()
        versions.models = ["a=listed 2 5"]
        #expect(versions.policy(of: "a") == .listed([2, 5]))
        #expect(versions.policy(of: "b") == .latest(2))
        #expect(versions.policyText(of: "a") == "listed 2 5")
    }
}
