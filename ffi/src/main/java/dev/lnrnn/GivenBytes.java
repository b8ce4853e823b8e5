package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Masks and resets that a {@link Training} was given, on the device; null where masks are drawn and nothing is reset. */
record GivenBytes(
        @Nullable DeviceBuffer zoneout, @Nullable DeviceBuffer dropconnect, @Nullable DeviceBuffer resets) {
    static final GivenBytes NONE = new GivenBytes(null, null, null);

    GivenBytes withMasks(Layer layer, Sequence sequence, byte @Nullable [] newZoneout,
            byte @Nullable [] newDropconnect) {
        LayerSpec spec = layer.spec();
        TrainingArguments.checkMasks(spec, newZoneout, newDropconnect);
        checkElements("zoneout", newZoneout, TrainingArguments.zoneoutMaskBytes(spec, sequence));
        checkElements("dropconnect", newDropconnect, TrainingArguments.dropconnectMaskBytes(spec));
        DeviceBuffer first = upload(layer.device(), newZoneout);
        try {
            return new GivenBytes(first, upload(layer.device(), newDropconnect), resets);
        } catch (RuntimeException | Error e) {
            if (first != null) {
                first.close();
            }
            throw e;
        }
    }

    GivenBytes withResets(Layer layer, SequenceExtents extents, byte @Nullable [] newResets) {
        checkElements("resets", newResets, extents.resets().bytes());
        return new GivenBytes(zoneout, dropconnect, upload(layer.device(), newResets));
    }

    static void checkElements(String name, byte @Nullable [] given, long bytes) {
        if (given != null && given.length != bytes) {
            throw new IllegalArgumentException(name + " has " + given.length + " elements, expected " + bytes);
        }
    }

    private static @Nullable DeviceBuffer upload(Device device, byte @Nullable [] bytes) {
        if (bytes == null) {
            return null;
        }
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
        List<@Nullable DeviceBuffer> others = kept.buffers();
        for (DeviceBuffer buffer : buffers()) {
            if (buffer != null && !others.contains(buffer)) {
                buffer.close();
            }
        }
    }

    private List<@Nullable DeviceBuffer> buffers() {
        return Arrays.asList(zoneout, dropconnect, resets);
    }
}
