import GEM
import Glibc
import Synchronization
import Transport

/// What one server has put into the kernel for its sandboxes: interfaces, routes and rules.
///
/// Every call waits for the kernel, up to milliseconds while others hold its lock on interfaces. One call at a time does.
final class FabricKernel: Sendable {
    /// One sandbox's place.
    struct Place: Sendable, Equatable {
        let number: Int
        let address: IPv4
        /// What its connections bear.
        let mark: UInt32
    }

    private struct State {
        var rules: FabricRules?
        var mtu: UInt32 = 1500
        var places: [SandboxID: Place] = [:]
        /// Numbers in use, those of leftovers among them.
        var numbers: Set<Int> = []
        /// Interfaces that were found at the start and belong to nobody yet.
        var found: [SandboxID: Place] = [:]
        var next = FabricNames.numbers.lowerBound
    }

    let names: FabricNames
    let machine: Int32?
    private let forbidden: [IPv4Network]
    private let maximumFlows: Int
    private let wantedPrefix: IPv4Network?
    private let state = Mutex(State())

    /// - Throws: ``Failure`` `invalidArgument` for a configuration that cannot be read.
    init(_ configuration: NetworkConfiguration) throws(Failure) {
        names = FabricNames(dataDirectory: configuration.dataDirectory)
        forbidden = ForbiddenNetworks.always + (try ForbiddenNetworks.read(configuration.forbiddenNetworks))
        machine = configuration.machine
        maximumFlows = max(1, configuration.maximumFlows)
        if let prefix = configuration.addressPrefix {
            guard let network = IPv4Network(prefix + ".0.0/16") else {
                throw Failure(
                    .invalidArgument, "\"\(prefix)\" begins no address: write the first two numbers, like 10.201")
            }
            wantedPrefix = network
        } else {
            wantedPrefix = nil
        }
    }

    /// What no sandbox reaches, the sandboxes' own addresses excepted.
    var forbiddenNetworks: [IPv4Network] { forbidden }

    /// The machine's end of all networks; `nil` while there are none.
    var gateway: IPv4? { state.withLock { $0.rules?.plan.gateway } }

    func place(_ id: SandboxID) -> Place? { state.withLock { $0.places[id] } }

    // MARK: Leftovers

    /// Finds what a predecessor left, and removes the rules of those whose interface is gone already.
    func find() throws(SystemCallError) {
        try state.locked { state throws(SystemCallError) in
            var links = try LinkSocket(in: machine)
            let interfaces = try links.interfaces().filter { names.number(ofInterface: $0.name) != nil }
            let chains = try FilterTables.chains(in: machine).filter { $0.table == names.table }
            guard !interfaces.isEmpty || !chains.isEmpty else { return }
            try makeReady(&state, &links)
            for interface in interfaces {
                guard let number = names.number(ofInterface: interface.name) else { continue }
                state.numbers.insert(number)
                let words = interface.alias.split(separator: " ")
                // Without its note it was killed before it began: the sweep takes it.
                guard words.count == 2, let id = SandboxID(rawValue: String(words[0])),
                    let mark = UInt32(words[1], radix: 16), let plan = state.rules?.plan
                else { continue }
                state.found[id] = Place(number: number, address: plan.address(number), mark: mark)
            }
            let gone = chains.compactMap { names.number(ofChain: $0.name) }.filter { !state.numbers.contains($0) }
            for number in gone { try removeRules(number, state.rules) }
        }
    }

    /// Takes over a sandbox that ``find()`` has found.
    ///
    /// - Returns: Its place; `nil` where it was not found.
    func adopt(_ id: SandboxID, _ list: AllowList?) throws(SystemCallError) -> Place? {
        try state.locked { state throws(SystemCallError) in
            guard let place = state.places[id] ?? state.found[id], let rules = state.rules else { return nil }
            var changes = try FilterTransaction(names.table, in: machine)
            rules.putSandbox(place.number, mark: place.mark, list, into: &changes)
            try changes.commit("rules of sandbox \(id)")
            state.found[id] = nil
            state.places[id] = place
            return place
        }
    }

    /// Removes every interface and rule that no sandbox was attached or adopted with.
    func sweep() throws(SystemCallError) {
        try state.locked { state throws(SystemCallError) in
            let owned = Set(state.places.values.map(\.number))
            for number in state.numbers.subtracting(owned) {
                try remove(number, state.rules)
                state.numbers.remove(number)
            }
            state.found = [:]
        }
    }

    /// Removes the table and closes what was opened for sandboxes, if no sandbox is left.
    func removeIfUnused() throws(SystemCallError) {
        try state.locked { state throws(SystemCallError) in
            guard state.numbers.isEmpty, let rules = state.rules else { return }
            try FilterTables.remove(names.table, in: machine)
            var links = try LinkSocket(in: machine)
            for name in rules.opened { try links.setForwarding(false, of: name) }
            state.rules = nil
        }
    }

    // MARK: Sandboxes

    /// Connects a namespace.
    ///
    /// - Parameters:
    ///   - id: The sandbox.
    ///   - namespace: A descriptor of its network namespace.
    ///   - list: Whom it may reach; `nil` for all that is not forbidden.
    /// - Returns: Its place.
    /// - Throws: ``Failure``: `isolationRefused`, `overloaded` without free addresses, `infraFailed`.
    func attach(_ id: SandboxID, _ namespace: Int32, _ list: AllowList?) throws(Failure) -> Place {
        try state.locked { state throws(Failure) in
            guard state.places[id] == nil else {
                throw Failure(.internalError, "sandbox \(id) has a network already")
            }
            guard let number = Self.freeNumber(&state) else {
                throw Failure(.overloaded, "every network address is taken: stop sandboxes that are not needed")
            }
            do throws(SystemCallError) {
                var links = try LinkSocket(in: machine)
                if state.rules == nil { try makeReady(&state, &links) }
                guard let rules = state.rules else {
                    throw SystemCallError("choose addresses", "10.128.0.0/9 is taken", errno: EADDRINUSE)
                }
                state.numbers.insert(number)
                let place = Place(
                    number: number, address: rules.plan.address(number), mark: UInt32.random(in: 1...UInt32.max))
                try connect(id, place, namespace, list, rules, state.mtu, &links)
                state.places[id] = place
                return place
            } catch {
                // What is left is found by its number at the next start, should even this fail.
                if (try? remove(number, state.rules)) != nil { state.numbers.remove(number) }
                throw Self.failure(error, id)
            }
        }
    }

    /// Disconnects a sandbox. Its rules go first, and with them all it could reach; the interface takes the kernel some
    /// ten milliseconds, for which nobody else waits.
    func release(_ id: SandboxID) throws(SystemCallError) {
        let number: Int? = try state.locked { state throws(SystemCallError) in
            guard let place = state.places[id] ?? state.found[id] else { return nil }
            try removeRules(place.number, state.rules)
            return place.number
        }
        guard let number else { return }
        var links = try LinkSocket(in: machine)
        try links.remove(names.interface(number))
        state.withLock { state in
            state.places[id] = nil
            state.found[id] = nil
            state.numbers.remove(number)
        }
    }

    /// Lets a sandbox reach addresses of a name for some time.
    func admit(_ addresses: [(IPv4, Set<UInt16?>)], for lifetime: Duration, _ id: SandboxID) throws(SystemCallError) {
        try state.locked { state throws(SystemCallError) in
            guard let place = state.places[id], let rules = state.rules, !addresses.isEmpty else { return }
            var changes = try FilterTransaction(names.table, in: machine)
            for (address, ports) in addresses {
                rules.admit(address, ports: ports, for: lifetime, place.number, into: &changes)
            }
            try changes.commit("allowed names of sandbox \(id)")
        }
    }

    /// What went through a sandbox's network, from its view; zeros where it has none.
    func statistics(_ id: SandboxID) throws(SystemCallError) -> NetworkStatistics {
        guard let place = place(id) else { return NetworkStatistics() }
        var links = try LinkSocket(in: machine)
        let machineEnd = try links.statistics(of: names.interface(place.number))
        var statistics = machineEnd
        (statistics.receivedBytes, statistics.sentBytes) = (machineEnd.sentBytes, machineEnd.receivedBytes)
        (statistics.receivedPackets, statistics.sentPackets) = (machineEnd.sentPackets, machineEnd.receivedPackets)
        return statistics
    }

    // MARK: Steps

    private func connect(
        _ id: SandboxID, _ place: Place, _ namespace: Int32, _ list: AllowList?, _ rules: FabricRules, _ mtu: UInt32,
        _ links: inout LinkSocket
    ) throws(SystemCallError) {
        let name = names.interface(place.number)
        var changes = try FilterTransaction(names.table, in: machine)
        rules.putSandbox(place.number, mark: place.mark, list, into: &changes)
        try changes.commit("rules of sandbox \(id)")
        try links.addPair(name, peer: "eth0", in: namespace, mtu: mtu)
        try links.raise(name, alias: "\(id) \(String(place.mark, radix: 16))", forwards: true)
        try links.connect(name, own: rules.plan.gateway, to: place.address, isDefault: false)
        var inside = try LinkSocket(in: namespace)
        try inside.raiseLoopback()
        try inside.raise("eth0")
        try inside.connect("eth0", own: place.address, to: rules.plan.gateway, isDefault: true)
    }

    private func remove(_ number: Int, _ rules: FabricRules?) throws(SystemCallError) {
        var links = try LinkSocket(in: machine)
        try links.remove(names.interface(number))
        try removeRules(number, rules)
    }

    private func removeRules(_ number: Int, _ rules: FabricRules?) throws(SystemCallError) {
        guard let rules else { return }
        var changes = try FilterTransaction(names.table, in: machine)
        rules.removeSandbox(number, from: &changes)
        try changes.commit("rules of number \(number)")
    }

    /// Chooses addresses, opens forwarding as far as it is needed, and makes what all sandboxes share.
    private func makeReady(_ state: inout State, _ links: inout LinkSocket) throws(SystemCallError) {
        let interfaces = try links.interfaces()
        let routes = try links.routes()
        let own = Set(interfaces.filter { names.number(ofInterface: $0.name) != nil }.map(\.index))
        let foreign = routes.filter { !own.contains($0.interface) }
        // What sandboxes of a predecessor have is kept, whatever has come since.
        let kept = routes.first { own.contains($0.interface) && $0.destination.length == 32 && !$0.isLocal }
        guard
            let plan = kept.map({ AddressPlan($0.destination) }) ?? wantedPrefix.map(AddressPlan.init)
                ?? AddressPlan.choose(from: names.firstChoice, avoiding: foreign.map(\.destination))
        else { return }
        let outward = Set(foreign.filter { !$0.isLocal }.map(\.interface))
        let outside = interfaces.filter { interface in
            outward.contains(interface.index) && interface.name != "lo"
                && !interface.name.hasPrefix(FabricNames.anyInterfacePrefix)
                && !ForbiddenNetworks.interfaces.contains { interface.name.hasPrefix($0) }
        }
        state.mtu = outside.map(\.mtu).min() ?? 1500
        // Where the whole machine forwards, who may use that is not this table's to say.
        let opened = try links.forwardsEverything() ? [] : outside.map(\.name)
        let rules = FabricRules(
            names: names, plan: plan, forbidden: forbidden, maximumFlows: maximumFlows, opened: opened)
        // The rule that keeps others from being forwarded comes before the forwarding.
        do throws(SystemCallError) {
            try putShared(rules)
        } catch {
            // Another version's table can be in the way. Until the sandboxes are adopted, nothing of theirs goes out.
            try FilterTables.remove(names.table, in: machine)
            try putShared(rules)
        }
        for name in opened { try links.setForwarding(true, of: name) }
        state.rules = rules
    }

    private func putShared(_ rules: FabricRules) throws(SystemCallError) {
        var changes = try FilterTransaction(names.table, in: machine)
        rules.putShared(into: &changes)
        try changes.commit("table \(names.table)")
    }

    private static func freeNumber(_ state: inout State) -> Int? {
        for _ in FabricNames.numbers {
            let number = state.next
            state.next = number < FabricNames.numbers.upperBound ? number + 1 : FabricNames.numbers.lowerBound
            if !state.numbers.contains(number) { return number }
        }
        return nil
    }

    private static func failure(_ error: SystemCallError, _ id: SandboxID) -> Failure {
        switch error.errno {
        case EPERM, EACCES, EOPNOTSUPP, ENOENT, EPROTONOSUPPORT:
            Failure(
                .isolationRefused,
                "sandbox \(id) cannot have a network here: \(error). Run the server as root on a kernel with nf_tables and "
                    + "veth, or ask for no network")
        default: Failure(.infraFailed, "the network of sandbox \(id) could not be set up: \(error)")
        }
    }
}

extension Mutex where Value: ~Copyable {
    /// ``withLock(_:)`` for bodies with one type of error.
    borrowing func locked<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try withLock(body)
    }
}
