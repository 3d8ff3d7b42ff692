import Envs
import Foundation
import GEM
import Registry
import Synchronization
import Testing

@testable import Episodes

/// A folder of a test's own, gone when the test ends.
final class TemporaryFolder: Sendable {
    let path = NSTemporaryDirectory() + "episodes-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    var episodes: String { path + "/episodes.db" }

    func store() throws -> EpisodeStore { try EpisodeStore(path: episodes, access: .readWrite) }

    /// A writer whose notices are kept.
    func writer(
        _ change: (inout EpisodeWriter.Configuration) -> Void = { _ in }
    ) -> (writer: EpisodeWriter, notices: Notices) {
        var configuration = EpisodeWriter.Configuration(path: episodes)
        configuration.groupTime = .seconds(3600)  // tests say when
        change(&configuration)
        let notices = Notices()
        return (EpisodeWriter(configuration) { notices.add($0) }, notices)
    }
}

final class Notices: Sendable {
    private let list = Mutex<[EpisodeWriter.Notice]>([])

    func add(_ notice: EpisodeWriter.Notice) { list.withLock { $0.append(notice) } }

    /// `stopped` and `goesOn`, in order.
    var words: [String] { list.withLock { $0.map { $0 == .goesOn ? "goesOn" : "stopped" } } }
}

/// An environment in this process whose calls are handed over as a server does it.
final class PlayedService {
    private var service: EnvironmentService
    let recording: Recording
    private let writer: EpisodeWriter

    init(_ make: JSON, _ writer: EpisodeWriter, sandbox: String = "box") throws {
        service = EnvironmentService(registry: try EnvironmentRegistry(BuiltInEnvironments.specs)) { 7 }
        self.writer = writer
        let environment = try #require(make["env_id"]?.string)
        recording = try #require(
            Recording(params: make.serialized, environment: environment, version: "1", sandbox: sandbox))
        _ = try answer("make", make)
    }

    /// What the service answers, unrecorded.
    func answer(_ method: String, _ params: JSON) throws -> JSON {
        let line: JSON = ["id": 1, "method": .string(method), "params": params]
        var output: [UInt8] = []
        service.answer(line.serialized.span, into: &output)
        let answer = try JSON(parsing: output.span)
        return try #require(answer["result"], "\(method) \(params): \(answer)")
    }

    /// Makes a call and hands it over.
    @discardableResult
    func call(_ kind: RecordedCall.Kind, _ params: JSON = [:]) throws -> JSON {
        let method =
            switch kind {
            case .reset: "reset"
            case .step: "step"
            case .sampleAction: "sample_action"
            case .restore: "restore"
            case .lost, .closed: ""
            }
        let result = method.isEmpty ? [:] : try answer(method, params)
        writer.submit(RecordedCall(kind, params: params.serialized, result: result.serialized[...]), of: recording)
        return result
    }

    @discardableResult
    func step(_ action: String) throws -> JSON { try call(.step, ["action": .string(action)]) }
}

/// The seed or the origin of an episode, in short.
func short(_ start: RecordedEpisode.Start) -> String {
    switch start {
    case .seed(let seed): "seed \(seed)"
    case .after(let id, let draws): "after \(id.map(String.init) ?? "?") draws \(draws)"
    case .state(_, let isReset, let draws): "state\(isReset ? " reset" : "") draws \(draws)"
    }
}
