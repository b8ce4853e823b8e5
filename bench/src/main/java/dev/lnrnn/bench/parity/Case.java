package dev.lnrnn.bench.parity;

import dev.lnrnn.CellType;
import dev.lnrnn.DataType;
import dev.lnrnn.Direction;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.Normalization;
import dev.lnrnn.Plan;
import dev.lnrnn.bench.BadInputException;
import dev.lnrnn.bench.PlainNumber;
import dev.lnrnn.interop.Safetensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * A reference case: what a safetensors file asks of a layer, and what a float64 reference computed.
 */
final class Case implements AutoCloseable {

    private static final String BOUND = "bound_";
    private static final Set<String> KEYS =
            Set.of("cell", "normalization", "layers", "direction", "zoneout", "dropconnect",
                    "epsilon", "training", "T", "N", "C", "H", "P", "cell_clip", "name", "flavour", "format");

    private final Path path;
    private final Safetensors file;

    private Case(Path path, Safetensors file) {
        this.path = path;
        this.file = file;
    }

    static Case read(Path path) throws IOException {
        Case read = new Case(path, Safetensors.read(path));
        try {
            read.checkMetadata();
            return read;
        } catch (RuntimeException e) {
            read.close();
            throw e;
        }
    }

    /** What changes results, and is not looked at, would make them wrong without a word. */
    private void checkMetadata() {
        for (String key : file.metadata().keySet()) {
            if (!KEYS.contains(key) && !key.startsWith(BOUND)) {
                throw new BadInputException("The case " + path + " has \"" + key + "\" in its metadata, which is none "
                        + "of " + KEYS + " and no bound.");
            }
        }
    }

    /**
     * Compares every tensor with what the plan of {@link #spec} says of it.
     *
     * @throws BadInputException if one is missing, or other than expected
     */
    void check(Plan plan) {
        new CaseLayout(path.toString(), plan, steps(), batch(), training()).check(file.tensors());
        if (has("lengths")) {
            for (long length : longs("lengths")) {
                if (length < 0 || length > steps()) {
                    throw new BadInputException(
                            "The case " + path + " has " + length + " among its lengths; expected 0 to "
                                    + steps() + ", its steps.");
                }
            }
        }
        for (String flags : List.of("zoneout_mask", "dropconnect_mask", "resets")) {
            for (double flag : has(flags) ? doubles(flags) : new double[0]) {
                if (flag != 0 && flag != 1) {
                    throw new BadInputException("The case " + path + " has " + flag + " in its " + flags
                            + "; expected 0 or 1.");
                }
            }
        }
    }

    LayerSpec spec(DataType type) {
        try {
            return LayerSpec.of(choice(CellType.class, "cell"), integer("C"), integer("H"))
                    .withNormalization(choice(Normalization.class, "normalization"))
                    .withDataType(type)
                    .withDirection(choice(Direction.class, "direction"))
                    .withLayers(Math.toIntExact(integer("layers")))
                    .withEpsilon(real("epsilon"))
                    .withProjection(says("P") ? integer("P") : 0)
                    .withCellClip(says("cell_clip") ? real("cell_clip") : 0)
                    .withZoneout(real("zoneout"))
                    .withDropconnect(real("dropconnect"))
                    .validate();
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new BadInputException("The case " + path + " is not legal: " + e.getMessage() + ".");
        }
    }

    long steps() {
        return integer("T");
    }

    long batch() {
        return integer("N");
    }

    boolean training() {
        return switch (text("training")) {
            case "true" -> true;
            case "false" -> false;
            default -> throw wrong("training");
        };
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
        String key = BOUND + type.name().toLowerCase(Locale.ROOT) + "_" + kind;
        if (!file.metadata().containsKey(key)) {
            return OptionalDouble.empty();
        }
        double bound = real(key);
        if (!(bound > 0 && bound < 1)) {
            throw wrong(key);
        }
        return OptionalDouble.of(bound);
    }

    private void requireTensor(String name) {
        if (!has(name)) {
            throw new BadInputException("The case " + path + " has no tensor " + name + ".");
        }
    }

    private boolean says(String key) {
        return file.metadata().containsKey(key);
    }

    private String text(String key) {
        String value = file.metadata().get(key);
        if (value == null) {
            throw new BadInputException("The case " + path + " has no \"" + key + "\" in its metadata.");
        }
        return value;
    }

    private long integer(String key) {
        if (!PlainNumber.isWhole(text(key))) {
            throw wrong(key);
        }
        return Long.parseLong(text(key));
    }

    private double real(String key) {
        if (!PlainNumber.isReal(text(key))) {
            throw wrong(key);
        }
        return Double.parseDouble(text(key));
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
