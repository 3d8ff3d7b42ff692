/// The shells that can complete our command lines.
enum Shell: String, CaseIterable, Sendable {
    case bash, zsh, fish

    /// The script that teaches the shell the tree under `root`.
    func script(for root: Command) -> String {
        let places = CompletionPlace.all(of: root)
        return switch self {
        case .bash: BashCompletions.script(places)
        case .zsh: ZshCompletions.script(places)
        case .fish: FishCompletions.script(places)
        }
    }
}
