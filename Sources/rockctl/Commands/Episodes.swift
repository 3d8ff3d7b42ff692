extension Command {
    /// `rockctl episodes`.
    static let recordedEpisodes: Command = .init(
        "episodes", summary: "Look at recorded episodes, carry them elsewhere, remove them",
        commands: [.episodeList, .episodeShow, .episodeExport, .episodeImport, .episodePrune])
}
