package dev.lnrnn.bench.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lnrnn.bench.BadInputException;
import java.util.List;
import org.junit.jupiter.api.Test;

class SeriesTest {

    private static String refusal(int points, List<Double> periods) {
        return assertThrows(BadInputException.class, () -> new Series("s", new double[points], periods)).getMessage();
    }

    @Test
    void shipsTwentyYearsOfDays() {
        Series births = Series.shipped();
        assertEquals(7305, births.length());
        assertEquals(7, births.season());
        assertEquals(8486, births.values()[0]);
        assertEquals(9133, births.values()[7304]);
    }

    @Test
    void refusesTooFewPoints() {
        assertEquals("The series \"s\" has 199 points; training and holding out a part need at least 200.",
                refusal(199, List.of(1.0)));
    }

    @Test
    void refusesSeasonsThatDoNotFit() {
        assertEquals("The first season is 7.5; it must be a whole number of points.", refusal(200, List.of(7.5)));
        assertEquals("The first season is missing; it must be a whole number of points.", refusal(200, List.of()));
        assertEquals("A season of 101.0 points does not fit the series \"s\", which has 200; expected 1 to half of "
                + "them.", refusal(200, List.of(7.0, 101.0)));
        assertEquals("A season of NaN points does not fit the series \"s\", which has 200; expected 1 to half of "
                + "them.", refusal(200, List.of(7.0, Double.NaN)));
    }
}
