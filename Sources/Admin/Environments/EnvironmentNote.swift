import GEM
import Registry
import SandboxHost

/// What a server writes down about an environment, for the next one to go on with it.
struct EnvironmentNote: Equatable, Sendable {
    /// What `make` was asked for, as the rocklet got it: a JSON object on one line.
    let params: [UInt8]
    let origin: Origin
    /// Where it is; `nil` for one that ends with its server.
    let place: SandboxPlace?

    init(params: [UInt8], origin: Origin, place: SandboxPlace?) {
        (self.params, self.origin, self.place) = (params, origin, place)
    }

    /// One JSON object.
    var bytes: [UInt8] {
        var bytes = json { writer in
            writer.beginObject()
            var numbers: [(StaticString, Int)] = [("version", 1), ("made", Int(origin.made.microseconds))]
            if let place {
                numbers += [
                    ("slot", Int(place.slot)), ("process", Int(place.process)),
                    ("memory_bytes", place.limits.memoryBytes), ("processes", place.limits.processes),
                ]
                writer.name("cpus")
                writer.double(place.limits.cpus)
            }
            for (name, value) in numbers {
                writer.name(name)
                writer.integer(value)
            }
            writer.name("owner")
            writer.string(origin.owner)
            writer.name("params")
            writer.endObject()
        }
        bytes.removeLast()
        return bytes + params + [UInt8(ascii: "}")]
    }

    /// Reads what ``bytes`` were; `nil` where they are nothing of the kind.
    init?(_ bytes: [UInt8]) {
        guard let note = try? JSON(parsing: bytes.span), note["version"]?.int == 1,
            let made = note["made"]?.int, let owner = note["owner"]?.string,
            let params = note["params"], params.object != nil
        else { return nil }
        self.params = params.serialized
        origin = Origin(owner: owner, made: Timestamp(microseconds: Int64(made)))
        guard note["slot"] != nil else {
            place = nil
            return
        }
        guard let slot = note["slot"]?.int.flatMap(UInt32.init(exactly:)),
            let process = note["process"]?.int.flatMap(Int32.init(exactly:)),
            let memory = note["memory_bytes"]?.int, let processes = note["processes"]?.int,
            let cpus = note["cpus"]?.double
        else { return nil }
        place = SandboxPlace(
            slot: slot, process: process, limits: Limits(memoryBytes: memory, cpus: cpus, processes: processes))
    }
}
