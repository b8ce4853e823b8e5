package dev.lnrnn;

/** What the values of a {@link LayerSpec} are refused for. */
final class SpecChecks {
    private SpecChecks() {}

    static void range(String name, long value, long min, long max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(name + " is " + value + ", expected " + min + "..." + max);
        }
    }

    /** Refuses two values that contradict each other, and names both. */
    static void contradictions(LayerSpec spec) {
        CellType cell = spec.cell();
        if (!cell.normalizations().contains(spec.normalization())) {
            throw new IllegalArgumentException("normalization is " + spec.normalization() + " and cell is " + cell
                    + ", expected one of the normalizations " + cell.normalizations());
        }
        // Less than a normal number is 0, or as good as 0, where rows are normalised; more is infinite there.
        normal("epsilon", spec.epsilon(), spec.dataType(), "whose layer norms are computed in", "");
        if (spec.cellClip() != 0) {
            normal("cellClip", spec.cellClip(), spec.dataType(), "whose cell is computed in", "0 or ");
        }
        zero("zoneoutCell", spec.zoneoutCell(), cell, cell.carriesCell(), "has no c");
        zero("projectionSize", spec.projectionSize(), cell, cell.carriesCell(), "has no projection");
        zero("cellClip", spec.cellClip(), cell, cell.carriesCell(), "has no c");
        zero("dropoutCandidate", spec.dropoutCandidate(), cell, cell.carriesCell(), "has no c");
        zero("dropconnect", spec.dropconnect(), cell, cell != CellType.INDRNN, "has no recurrent matrix");
        if (spec.dropout() != 0 && spec.layers() == 1) {
            throw new IllegalArgumentException("dropout is " + spec.dropout()
                    + " and layers is 1, expected dropout 0 or at least 2 layers: dropout stands between layers");
        }
        if (spec.regularization().variationalDropout() && spec.dropout() == 0) {
            throw new IllegalArgumentException(
                    "variationalDropout is true and dropout is 0, expected variationalDropout false or some dropout");
        }
    }

    private static void normal(String name, double value, DataType type, String use, String others) {
        boolean wide = type == DataType.F64;
        double least = wide ? Double.MIN_NORMAL : Float.MIN_NORMAL;
        double most = wide ? Double.MAX_VALUE : Float.MAX_VALUE;
        if (!(value >= least && value <= most)) {
            String range = wide ? least + "..." + most : Float.MIN_NORMAL + "..." + Float.MAX_VALUE;
            throw new IllegalArgumentException(name + " is " + value + " and dataType is " + type + ", " + use + " "
                    + type.accumulation() + ": expected " + name + " " + (others.isEmpty() ? "in " : others) + range);
        }
    }

    private static void zero(String name, Number value, CellType cell, boolean legal, String lack) {
        if (value.doubleValue() != 0 && !legal) {
            throw new IllegalArgumentException(
                    name + " is " + value + " and cell is " + cell + ", which " + lack + ": expected " + name + " 0");
        }
    }
}
