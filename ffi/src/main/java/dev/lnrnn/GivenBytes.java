package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Masks and resets that a {@link Training} was given, on the device; absent where masks are drawn, and null where nothing
 * is reset.
 */
record GivenBytes(Map<MaskKind, DeviceBuffer> masks, @Nullable DeviceBuffer resets) {
    static final GivenBytes NONE = new GivenBytes(Map.of(), null);

    GivenBytes withMask(Layer layer, Sequence sequence, MaskKind kind, byte @Nullable [] mask) {
        Map<MaskKind, DeviceBuffer> changed = new EnumMap<>(MaskKind.class);
        changed.putAll(masks);
        changed.remove(kind);
        if (mask != null) {
            kind.checkGiven(layer.spec());
            checkElements(kind.argument(), mask, kind.bytes(layer.spec(), sequence));
            changed.put(kind, upload(layer.device(), mask));
        }
        return new GivenBytes(Map.copyOf(changed), resets);
    }

    GivenBytes withResets(Layer layer, SequenceExtents extents, byte @Nullable [] newResets) {
        checkElements("resets", newResets, extents.resets().bytes());
        return new GivenBytes(masks, newResets == null ? null : upload(layer.device(), newResets));
    }

    static void checkElements(String name, byte @Nullable [] given, long bytes) {
        if (given != null && given.length != bytes) {
            throw new IllegalArgumentException(name + " has " + given.length + " elements, expected " + bytes);
        }
    }

    private static DeviceBuffer upload(Device device, byte[] bytes) {
        DeviceBuffer buffer = device.allocate(bytes.length);
        try {
            device.defaultStream().copy(buffer, MemorySegment.ofArray(bytes));
        } catch (RuntimeException | Error e) {
            buffer.close();
            throw e;
        }
        return buffer;
    }

    /** Frees what is not the other's too. */
    void closeBut(GivenBytes kept) {
        List<DeviceBuffer> others = kept.buffers();
        for (DeviceBuffer buffer : buffers()) {
            if (!others.contains(buffer)) {
                buffer.close();
            }
        }
    }

    private List<DeviceBuffer> buffers() {
        List<DeviceBuffer> all = new ArrayList<>(masks.values());
        if (resets != null) {
            all.add(resets);
        }
        return all;
    }
}
