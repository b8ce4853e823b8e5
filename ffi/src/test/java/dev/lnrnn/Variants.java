package dev.lnrnn;

import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/** Kinds of layers, as many as there are or as few as show every two options together. */
final class Variants {

    private static final double ZONEOUT = 0.3;
    private static final double DROPCONNECT = 0.25;
    private static final double DROPOUT = 0.4;
    private static final double DROPOUT_CANDIDATE = 0.35;
    /** In the midst of what u is. */
    private static final double CLIP = 0.7;

    private Variants() {}

    /** Every cell with every normalisation that it has: one layer, forward, f64, nothing drawn. */
    static List<LayerSpec> cells(long inputs, long hidden) {
        return Stream.of(CellType.values()).map(cell -> LayerSpec.of(cell, inputs, hidden))
                .flatMap(spec -> spec.cell().normalizations().stream().map(spec::withNormalization))
                .map(spec -> spec.withDataType(DataType.F64)).toList();
    }

    /**
     * Every cell in every shape with everything on and off that is drawn in it, in every combination, and with what
     * backward needs kept or computed again; and LSTMs with projections and clips, as few as show every two options
     * together.
     */
    static List<LayerSpec> all(long inputs, long hidden) {
        return withProjected(kept(inputs, hidden), hidden).stream()
                .flatMap(spec -> Stream.of(spec, spec.withRecompute(true)))
                .toList();
    }

    private static List<LayerSpec> kept(long inputs, long hidden) {
        return cells(inputs, hidden).stream()
                .flatMap(Variants::shapes)
                .flatMap(spec -> onAndOff(spec, LayerSpec::withZoneout, ZONEOUT))
                .flatMap(spec -> spec.cell() == CellType.LSTM
                        ? onAndOff(spec, LayerSpec::withZoneoutCell, ZONEOUT) : Stream.of(spec))
                .flatMap(spec -> spec.cell() != CellType.INDRNN
                        ? onAndOff(spec, LayerSpec::withDropconnect, DROPCONNECT) : Stream.of(spec))
                .flatMap(spec -> spec.layers() > 1 ? dropouts(spec) : Stream.of(spec))
                .map(spec -> spec.cell() == CellType.LSTM ? candidates(spec) : spec)
                .toList();
    }

    /** With dropout of the candidate where an even number of the others is on: each pair meets, at no more variants. */
    private static LayerSpec candidates(LayerSpec spec) {
        long on = DoubleStream.of(spec.zoneout(), spec.zoneoutCell(), spec.dropconnect(), spec.dropout())
                .filter(probability -> probability > 0).count();
        return on % 2 == 0 ? spec.withDropoutCandidate(DROPOUT_CANDIDATE) : spec;
    }

    /** One layer and two, forward and both ways. */
    static Stream<LayerSpec> shapes(LayerSpec spec) {
        return Stream.of(1, 2).map(spec::withLayers)
                .flatMap(layers -> Stream.of(Direction.values()).map(layers::withDirection));
    }

    /**
     * Every cell in every shape with all that is drawn in it; an LSTM with and without zoneout of c; and LSTMs with
     * projections and clips, as few as show every two options together.
     */
    static List<LayerSpec> drawn(long inputs, long hidden) {
        return withProjected(kept(inputs, hidden).stream()
                .filter(spec -> spec.zoneout() > 0)
                .filter(spec -> spec.dropconnect() > 0 || spec.cell() == CellType.INDRNN)
                .filter(spec -> spec.dropout() > 0 && !spec.regularization().variationalDropout() || spec.layers() == 1)
                .toList(), hidden);
    }

    private static List<LayerSpec> withProjected(List<LayerSpec> specs, long hidden) {
        List<LayerSpec> all = specs.stream().filter(spec -> spec.cell() == CellType.LSTM)
                .flatMap(spec -> Stream.of(0L, hidden / 2, hidden + 3).map(spec::withProjection))
                .flatMap(spec -> onAndOff(spec, LayerSpec::withCellClip, CLIP))
                .filter(spec -> spec.projectionSize() > 0 || spec.cellClip() > 0)
                .toList();
        return Stream.concat(specs.stream(), covering(all, Variants::options).stream()).toList();
    }

    private static Stream<LayerSpec> dropouts(LayerSpec spec) {
        LayerSpec dropped = spec.withDropout(DROPOUT);
        return Stream.of(spec, dropped, dropped.withVariationalDropout(true));
    }

    private static Stream<LayerSpec> onAndOff(
            LayerSpec spec, BiFunction<LayerSpec, Double, LayerSpec> with, double on) {
        return DoubleStream.of(0, on).mapToObj(probability -> with.apply(spec, probability));
    }

    /** Whether plans of it can be made on a device, which otherwise says that it is not supported. */
    static boolean isSupported(Device device, LayerSpec spec) {
        try (Plan plan = device.createPlan(spec)) {
            return plan.spec().equals(spec);
        } catch (LnrnnException e) {
            if (e.status() != Status.NOT_SUPPORTED) {
                throw e;
            }
            return false;
        }
    }

    /** The options of a spec, whichever there are, and of the records in it. */
    static List<Object> options(Record spec) {
        List<Object> options = new ArrayList<>();
        for (RecordComponent component : spec.getClass().getRecordComponents()) {
            try {
                Object value = component.getAccessor().invoke(spec);
                options.addAll(value instanceof Record inner ? options(inner) : List.of(value));
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(component.toString(), e);
            }
        }
        return options;
    }

    /**
     * Some of the variants, among which any two values of any two options meet that meet in one of all: each time
     * the one that shows most pairs not seen yet.
     */
    static <T> List<T> covering(List<T> all, Function<T, List<Object>> options) {
        List<Set<Pair>> pairs = all.stream().map(variant -> pairs(options.apply(variant))).toList();
        Set<Pair> missing = new HashSet<>();
        pairs.forEach(missing::addAll);
        List<T> chosen = new ArrayList<>();
        while (!missing.isEmpty()) {
            int best = 0;
            long most = 0;
            for (int i = 0; i < all.size(); i++) {
                long shown = pairs.get(i).stream().filter(missing::contains).count();
                if (shown > most) {
                    best = i;
                    most = shown;
                }
            }
            chosen.add(all.get(best));
            missing.removeAll(pairs.get(best));
        }
        return chosen;
    }

    private static Set<Pair> pairs(List<Object> options) {
        Set<Pair> pairs = new HashSet<>();
        for (int i = 0; i < options.size(); i++) {
            for (int j = 0; j < i; j++) {
                pairs.add(new Pair(i, options.get(i), j, options.get(j)));
            }
        }
        return pairs;
    }

    /** Two options, by their places, and their values. */
    private record Pair(int first, Object firstValue, int second, Object secondValue) {}
}
