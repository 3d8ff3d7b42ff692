extension Command {
    /// `rockctl image`.
    static let images: Command = .init(
        "image", summary: "Fetch, make, list and remove the images that sandboxes start from",
        discussion: """
            Images are kept in the data directory. These commands work on it directly, whether a server runs on it or not, \
            and any number of them at a time. With --url, those that have it ask a server instead; tag, push, save and build \
            are for the machine itself.
            """,
        commands: [
            .imageList, .imagePull, .imageImport, .imageBuild, .imageInspect, .imageTag, .imagePush, .imageSave,
            .imageRemove, .imagePrune,
        ])
}
