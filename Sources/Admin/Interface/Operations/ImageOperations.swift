import GEM
import Images
import Registry
import SandboxHost
import Transport

extension Interface {
    /// The images that sandboxes start from, each driver's own.
    static let imageOperations: [Operation] = [
        Operation(
            name: "image.list", verbs: [.get], path: images,
            summary: "Every image of this machine, driver by driver", scope: .read, query: [driver], form: .bare,
            result: .object(.required("images", .list(of: image)), .required("failures", .map(of: .text))),
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let drivers = try services.needSandboxes().machine
                let names = call.text("driver").map { [$0] } ?? drivers.driverNames
                var found: [(driver: String, images: [DriverImage])] = []
                var failures = JSON.Object()
                for name in names {
                    // Without an engine there is no reason not to list the others'.
                    do throws(Failure) { found.append((name, try await drivers.imageCatalog(name).images())) } catch {
                        if call.text("driver") != nil { throw error }
                        failures[name] = .string(error.message)
                    }
                }
                return json { writer in
                    writer.beginObject()
                    writer.name("images")
                    writer.beginArray()
                    for (driver, images) in found { for image in images { writer.image(image, of: driver) } }
                    writer.endArray()
                    writer.name("failures")
                    writer.value(.object(failures))
                    writer.endObject()
                }
            }),
        Operation(
            name: "image.inspect", verbs: [.get], path: images + "/inspect", summary: "One image and its configuration",
            scope: .read, query: [named, driver], form: .bare, result: image,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let (driver, catalog) = try services.catalog(call)
                let image = try await catalog.image(call.text("image") ?? "")
                return json { $0.image(image, of: driver) }
            }),
        Operation(
            name: "image.remove", verbs: [.delete], path: images,
            summary: "Removes a name, and with the last one its image; a digest, with all its names", scope: .admin,
            query: [named, driver], form: .envelope(failure: "remove failed"), result: removed, isAudited: true,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                let report = try await services.catalog(call).catalog.remove(call.text("image") ?? "")
                return json { $0.removed(report) }
            }),
        Operation(
            name: "image.prune", verbs: [.post], path: images + "/prune",
            summary: "Removes what no name leads to, and what was not used for long", scope: .admin,
            body: .optionalJSON([
                driver,
                .optional("unused_seconds", .integer(0...1 << 40).orNull, "Also what nobody used for so long"),
                .optional(
                    "keep_bytes", .integer(0...1 << 60).orNull, "Also what was used longest ago, down to so much"),
            ]), form: .bare, result: removed, isAudited: true,
            action: .value { (call, services) async throws(Failure) -> [UInt8] in
                var rule = PruneRule()
                rule.unusedSeconds = call.integer("unused_seconds").map(Int64.init)
                rule.keepBytes = call.integer("keep_bytes").map(Int64.init)
                let report = try await services.catalog(call).catalog.prune(rule)
                return json { $0.removed(report) }
            }),
    ]

    /// The path in front of them all.
    static let images = administration + "/images"
    static let driver = Field.optional("driver", .text(most: 64).orNull, "jail or docker; by default the server's")
    static let named = Field.required(
        "image", .text(least: 1, most: 1024), "A name, a digest, or the first twelve digits of one")
    static let image = Schema.object(
        .required("driver", .text), .required("digest", .text), .required("names", .list(of: .text)),
        .required("size", .integer(0...Int.max)), .required("created", .text),
        .required("last_used", .integer(0...Int.max).orNull), .required("architecture", .text),
        .required("layers", .list(of: .text)))
    private static let removed = Schema.object(
        .required("names", .list(of: .text)), .required("images", .list(of: .text)),
        .required("layers", .integer(0...Int.max)), .required("bytes", .integer(0...Int.max)))
}

extension Machine {
    /// The images of a driver.
    ///
    /// - Throws: ``Failure`` of kind `notFound` where there is no such driver: which there are is not the interface's to say.
    func imageCatalog(_ driver: String) throws(Failure) -> any ImageCatalog {
        do throws(Failure) { return try catalog(driver) } catch {
            throw error.kind == .invalidArgument ? Failure(.notFound, error.message) : error
        }
    }
}

extension Services {
    /// The images of the driver that `call` names, or of the server's default one.
    ///
    /// - Throws: ``Failure`` where there is no such driver.
    func catalog(_ call: Call) throws(Failure) -> (driver: String, catalog: any ImageCatalog) {
        let machine = try needSandboxes().machine
        let name = call.text("driver") ?? machine.defaultDriver
        return (name, try machine.imageCatalog(name))
    }
}

extension JSONWriter {
    /// One image, as all answers have it.
    mutating func image(_ image: DriverImage, of driver: String) {
        beginObject()
        for (label, text) in [
            ("driver", driver), ("digest", image.digest), ("created", image.created),
            ("architecture", image.architecture),
        ] as [(StaticString, String)] {
            name(label)
            string(text)
        }
        texts("names", image.names)
        texts("layers", image.layers)
        name("size")
        integer(image.size)
        name("last_used")
        if let lastUsed = image.lastUsed { integer(lastUsed) } else { null() }
        if let configuration = image.configuration {
            name("configuration")
            value(configuration)
        }
        endObject()
    }

    fileprivate mutating func removed(_ report: RemovedImages) {
        beginObject()
        texts("names", report.names)
        texts("images", report.images)
        name("layers")
        integer(report.layers)
        name("bytes")
        integer(report.bytes)
        endObject()
    }

    private mutating func texts(_ label: StaticString, _ texts: [String]) {
        name(label)
        beginArray()
        for text in texts { string(text) }
        endArray()
    }
}
