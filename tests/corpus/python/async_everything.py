import asyncio


async def handler(event, context):
    async with a as b, c:
        async for x in b:
            await x
            if x:
                break
            continue
        else:
            await tail()
    values = [await y async for y in z if await y]
    generator = (i async for i in j)
    mapping = {await k: v async for k, v in w}
    return {await q for q in values}, await asyncio.gather(*values), (await e)(await f)


async def stream():
    yield 1
    x = yield
    await (yield x)
    async def inner(): yield
    return


async def broken_cleanup():
    try:
        async with lock:
            return await x
    finally:
        await asyncio.shield(close())
