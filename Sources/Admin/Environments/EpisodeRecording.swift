import Episodes
import GEM
import Glibc
import Registry
import SandboxHost

/// What a server does about recorded episodes: who gets a recorder, and what the log and the metrics hear.
final class EpisodeRecording: Sendable {
    private let isDefault: Bool
    private let writer: EpisodeWriter

    /// Touches no file until there is something to write, or something that a killed server left behind.
    init(_ configuration: ServerConfiguration, services: Services) {
        isDefault = configuration.episodes.record
        var settings = EpisodeWriter.Configuration(path: configuration.episodesPath)
        settings.retention = EpisodeRetention(
            seconds: configuration.episodes.keepDays.map { Int($0 * 86_400) },
            bytes: configuration.episodes.maximumBytes, episodes: configuration.episodes.maximum)
        let logs = services.logs
        let writer = EpisodeWriter(settings) { notice in
            switch notice {
            case .stopped(let reason):
                Log(logs, "episodes")(.warning, "Episodes are not recorded for now: \(reason). Environments go on.")
            case .goesOn: Log(logs, "episodes")(.warning, "Episodes are recorded again.")
            }
        }
        self.writer = writer
        services.metrics.add { [weak writer] text in
            guard let counts = writer?.counts, counts != (0, 0, 0) else { return }
            text.metric("rock_episodes_recorded_total", .counter, "Episodes whose record was begun.")
            text.sample("rock_episodes_recorded_total", [], counts.episodes)
            text.metric("rock_episode_steps_recorded_total", .counter, "Steps that were recorded.")
            text.sample("rock_episode_steps_recorded_total", [], counts.steps)
            text.metric("rock_episode_calls_lost_total", .counter, "Calls that could not be recorded.")
            text.sample("rock_episode_calls_lost_total", [], counts.lost)
        }
        if access(settings.path, F_OK) == 0 { writer.recover() }
    }

    /// A recorder for what `request` asks for, where its episodes are to be recorded.
    func recorder(for request: MakeRequest, _ id: SandboxID) -> EnvironmentRecorder? {
        guard request.record ?? isDefault else { return nil }
        let recording = Recording(
            params: request.params, environment: request.environment.description, version: ServerVersion.current,
            sandbox: id.rawValue)
        return recording.map { EnvironmentRecorder($0, writer) }
    }

    /// Writes what waits; all recorders are closed.
    func close() async { await writer.close() }
}
