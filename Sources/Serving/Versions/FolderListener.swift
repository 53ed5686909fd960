// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform

/// Calls back when something changes in folders; where the kernel cannot tell, it never does.
///
/// `@unchecked Sendable`: everything mutable is touched on the queue alone.
final class FolderListener: @unchecked Sendable {
    private let source: any DispatchSourceRead
    private let box: Box

    /// A box, because a closure cannot hold what has one owner.
    private final class Box: Sendable {
        let watch: DirectoryWatch

        init(_ watch: consuming DirectoryWatch) { self.watch = watch }
    }

    init?(on queue: DispatchQueue, changed: @escaping @Sendable () -> Void) {
        guard let watch = try? DirectoryWatch() else { return nil }
        let box = Box(watch)
        self.box = box
        source = DispatchSource.makeReadSource(fileDescriptor: box.watch.number, queue: queue)
        source.setEventHandler { if box.watch.drain() { changed() } }
        // The descriptor must outlive the source.
        source.setCancelHandler { withExtendedLifetime(box) {} }
        source.activate()
    }

    deinit { source.cancel() }

    /// Watches these folders too; one that is gone meanwhile tells nothing.
    func watch(_ folders: [String]) {
        for folder in folders { try? box.watch.add(folder) }
    }
}
