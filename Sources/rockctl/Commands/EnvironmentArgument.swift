import Envs
import GEM

/// The id of an environment, as several commands take it. A server may know more than this program does, so that ids are
/// looked up where they are used.
enum EnvironmentArgument {
    static let id = Positional(
        "ID", .text("ID", completion: .words(BuiltInEnvironments.specs.map(\.id.description))),
        summary: "The environment, such as game:Sokoban-v0-easy; 'rockctl env list' shows all")
    static let seed = Option(
        "seed", letter: "s", .integer(0...Int(Seed.max)),
        summary: "Seed of the first episode; the next take the numbers that follow")
}
