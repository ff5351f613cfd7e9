"""What the scripts that make golden tables share: the rows of every version, as the engine that wrote the table reads them."""

import json
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "interop" / "python"))


def fresh(engine, kind):
    path = HERE / engine / kind
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def record(path, rows_of_version, engine, *, continue_from=None, **more):
    """Writes `rows.json`: every row once, and for each version which rows it has, or null where the engine cannot read it.

    @param continue_from the commits after this version are for a test to make through our API: their data files are in place
    """
    for junk in path.rglob(".*.crc"):
        junk.unlink()
    head = max(int(f.name[:20]) for f in (path / "_delta_log").glob("*.json") if f.name[:20].isdigit())
    distinct, versions = {}, {}
    for version in range(head + 1):
        try:
            rows = rows_of_version(version)
        except Exception as error:  # VACUUM took its files
            versions[version] = None
            print(f"  version {version}: {str(error).strip().splitlines()[0][:160]}", flush=True)
            continue
        versions[version] = [distinct.setdefault(json.dumps(row, sort_keys=True), len(distinct)) for row in rows]
    lines = ",\n".join(distinct)
    text = (
        f'{{"engine": {json.dumps(engine)}, "head": {head}, "continueFrom": {json.dumps(continue_from)},\n'
        + "".join(f'"{name}": {json.dumps(value)},\n' for name, value in more.items())
        + f'"versions": {json.dumps(versions)},\n"rows": [\n{lines}\n]}}\n'
    )
    json.loads(text)
    (path / "rows.json").write_text(text)
    print(f"{path.relative_to(HERE)}: versions 0 to {head}, {len(distinct)} rows", flush=True)
