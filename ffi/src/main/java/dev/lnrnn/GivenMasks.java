package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Masks that a {@link Training} was given, on the device; null where they are drawn. */
record GivenMasks(@Nullable DeviceBuffer zoneout, @Nullable DeviceBuffer dropconnect) implements AutoCloseable {
    static final GivenMasks NONE = new GivenMasks(null, null);

    static GivenMasks of(Layer layer, Sequence sequence, byte @Nullable [] zoneout, byte @Nullable [] dropconnect) {
        LayerSpec spec = layer.spec();
        TrainingArguments.checkMasks(spec, zoneout, dropconnect);
        checkElements("zoneout", zoneout, TrainingArguments.zoneoutMaskBytes(spec, sequence));
        checkElements("dropconnect", dropconnect, TrainingArguments.dropconnectMaskBytes(spec));
        GivenMasks first = new GivenMasks(upload(layer.device(), zoneout), null);
        try {
            return new GivenMasks(first.zoneout, upload(layer.device(), dropconnect));
        } catch (RuntimeException | Error e) {
            first.close();
            throw e;
        }
    }

    private static void checkElements(String name, byte @Nullable [] mask, long bytes) {
        if (mask != null && mask.length != bytes) {
            throw new IllegalArgumentException(name + " has " + mask.length + " elements, expected " + bytes);
        }
    }

    private static @Nullable DeviceBuffer upload(Device device, byte @Nullable [] mask) {
        if (mask == null) {
            return null;
        }
        DeviceBuffer buffer = device.allocate(mask.length);
        try {
            device.defaultStream().copy(buffer, MemorySegment.ofArray(mask));
        } catch (RuntimeException | Error e) {
            buffer.close();
            throw e;
        }
        return buffer;
    }

    @Override
    public void close() {
        if (zoneout != null) {
            zoneout.close();
        }
        if (dropconnect != null) {
            dropconnect.close();
        }
    }
}
