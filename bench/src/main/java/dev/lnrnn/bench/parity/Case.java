package dev.lnrnn.bench.parity;

import dev.lnrnn.CellType;
import dev.lnrnn.DataType;
import dev.lnrnn.Direction;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.Normalization;
import dev.lnrnn.bench.BadInputException;
import dev.lnrnn.interop.Safetensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalDouble;

/**
 * A reference case: what a safetensors file asks of a layer, and what a float64 reference computed.
 */
final class Case implements AutoCloseable {

    private final Path path;
    private final Safetensors file;

    private Case(Path path, Safetensors file) {
        this.path = path;
        this.file = file;
    }

    static Case read(Path path) throws IOException {
        return new Case(path, Safetensors.read(path));
    }

    LayerSpec spec(DataType type) {
        try {
            LayerSpec cell = switch (choice(CellType.class, "cell")) {
                case LSTM -> LayerSpec.lstm(integer("C"), integer("H"));
                case GRU -> LayerSpec.gru(integer("C"), integer("H"));
                case INDRNN -> LayerSpec.indrnn(integer("C"), integer("H"));
            };
            return cell.withNormalization(choice(Normalization.class, "normalization"))
                    .withDataType(type)
                    .withDirection(choice(Direction.class, "direction"))
                    .withLayers(Math.toIntExact(integer("layers")))
                    .withEpsilon(real("epsilon"))
                    .withZoneout(real("zoneout"))
                    .withDropconnect(real("dropconnect"));
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new BadInputException("The case " + path + " is not legal: " + e.getMessage());
        }
    }

    long steps() {
        return integer("T");
    }

    long batch() {
        return integer("N");
    }

    boolean training() {
        return Boolean.parseBoolean(text("training"));
    }

    boolean has(String tensor) {
        return file.tensors().containsKey(tensor);
    }

    /** A tensor's elements, row-major. */
    double[] doubles(String tensor) {
        requireTensor(tensor);
        return file.doubles(tensor);
    }

    long[] longs(String tensor) {
        requireTensor(tensor);
        return file.longs(tensor);
    }

    /** The largest error allowed of "out" or "grad" at a data type; empty where it is not asked for. */
    OptionalDouble bound(DataType type, String kind) {
        String key = "bound_" + type.name().toLowerCase(Locale.ROOT) + "_" + kind;
        return file.metadata().containsKey(key) ? OptionalDouble.of(real(key)) : OptionalDouble.empty();
    }

    private void requireTensor(String name) {
        if (!has(name)) {
            throw new BadInputException("The case " + path + " has no tensor " + name + ".");
        }
    }

    private String text(String key) {
        String value = file.metadata().get(key);
        if (value == null) {
            throw new BadInputException("The case " + path + " has no \"" + key + "\" in its metadata.");
        }
        return value;
    }

    private long integer(String key) {
        try {
            return Long.parseLong(text(key));
        } catch (NumberFormatException e) {
            throw wrong(key);
        }
    }

    private double real(String key) {
        try {
            return Double.parseDouble(text(key));
        } catch (NumberFormatException e) {
            throw wrong(key);
        }
    }

    private <E extends Enum<E>> E choice(Class<E> type, String key) {
        try {
            return Enum.valueOf(type, text(key).toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw wrong(key);
        }
    }

    private BadInputException wrong(String key) {
        return new BadInputException("The case " + path + " has \"" + key + "\": \"" + text(key)
                + "\" in its metadata, which is not a value of it.");
    }

    @Override
    public void close() {
        file.close();
    }
}
